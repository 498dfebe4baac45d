// How the work is cut: into items (some positions of one image) that threads take, groups of items
// whose sums are added up in order, and tiles of an item that fit into the caches.
//
// None of this depends on the number of threads, and so no result does.
#pragma once

#include <omp.h>

#include <algorithm>

#include "fusion.h"
#include "products.h"

namespace aff {

constexpr int64_t kTileValues = 32768;  // of z in a tile: 128 KB
constexpr int64_t kGroupValues = 1 << 22;

struct Item {
  int64_t image, begin, end;  // positions
};

struct Tiles {
  int64_t width;   // positions of a tile, a multiple of a register tile's
  int64_t ld;      // from row to row of one in memory, apart from powers of two
  int64_t chunks;  // items of an image
  int64_t items, groups;
  Shape shape;

  Tiles(const Shape& s, int64_t sums) : shape(s) {
    const int64_t step = kPanel * kLanes;
    width = std::max(step, kTileValues / std::max(s.channels, s.inner) / step * step);
    width = std::min(width, padded(s.positions, kLanes));
    ld = padded(width, kLanes) + kLanes;
    const int64_t tiles = (s.positions + width - 1) / width;
    chunks = std::min(tiles, std::max<int64_t>(1, 16 / s.images));
    items = s.images * chunks;
    groups = std::min(items, std::min<int64_t>(64, std::max<int64_t>(8, kGroupValues / sums)));
  }

  Item item(int64_t number) const {
    const int64_t tiles = (shape.positions + width - 1) / width;
    const int64_t chunk = number % chunks;
    return {number / chunks, tiles * chunk / chunks * width,
            std::min(shape.positions, tiles * (chunk + 1) / chunks * width)};
  }

  // Calls work(item number, thread) for all items of all groups; those of a group in order.
  template <class Work>
  void in_groups(Work&& work) const {
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t group = 0; group < groups; ++group)
      for (int64_t i = items * group / groups; i < items * (group + 1) / groups; ++i)
        work(i, group, omp_get_thread_num());
  }

  template <class Work>
  void each(Work&& work) const {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < items; ++i) work(i, omp_get_thread_num());
  }

  // Calls work(first position, positions) for the tiles of an item.
  template <class Work>
  void of(const Item& item, Work&& work) const {
    for (int64_t p = item.begin; p < item.end; p += width) work(p, std::min(width, item.end - p));
  }

  int64_t vectors(int64_t count) const { return (count + kLanes - 1) / kLanes; }
};

// Cuts one piece of memory into arrays; first counted without memory, then given.
class Arrays {
 public:
  float* take(int64_t floats) {
    float* here = data_ ? data_ + used_ : nullptr;
    used_ += padded(floats, 16);
    return here;
  }
  int64_t used() const { return used_; }
  void in(float* data) { data_ = data, used_ = 0; }

 private:
  float* data_ = nullptr;
  int64_t used_ = 0;
};

}  // namespace aff
