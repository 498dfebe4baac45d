// mxnet's own adds gradients as its threads come, under a lock for every pixel of every map. This
// adds each map's in the order that mxnet's has on one thread, and rounds as it does there: products
// and sums apart.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

#include "resize.h"

#include <algorithm>
#include <vector>

namespace aff {

namespace {

// Between which two rows (or columns) each of the result lies, and the weights of both.
struct Place {
  int64_t first, second;
  float near, far;
};

std::vector<Place> places(int64_t from, int64_t to) {
  const float scale = to > 1 ? static_cast<float>(from) / to : 0;  // as mxnet's: one is the first
  std::vector<Place> found(to);
  for (int64_t k = 0; k < to; ++k) {
    const float centre = std::max(0.0f, static_cast<float>(scale * (k + 0.5) - 0.5));
    const int64_t first = static_cast<int64_t>(centre);
    const float far = centre - first;
    found[k] = {first, std::min(first + 1, from - 1), 1.0f - far, far};
  }
  return found;
}

bool same(const Sides& s) { return s.height == s.to_height && s.width == s.to_width; }

}  // namespace

void resize(const Sides& s, const float* z, float* out) {
  if (same(s)) {
    std::copy(z, z + s.maps * s.height * s.width, out);
    return;
  }
  const std::vector<Place> rows = places(s.height, s.to_height), columns = places(s.width, s.to_width);
#pragma omp parallel
  {
    std::vector<float> wide(s.height * s.to_width);  // a map, resized along its rows
#pragma omp for schedule(static)
    for (int64_t map = 0; map < s.maps; ++map) {
      const float* from = z + map * s.height * s.width;
      for (int64_t h = 0; h < s.height; ++h, from += s.width)
        for (int64_t w = 0; w < s.to_width; ++w) {
          const Place& at = columns[w];
          wide[h * s.to_width + w] = at.near * from[at.first] + at.far * from[at.second];
        }
      float* to = out + map * s.to_height * s.to_width;
      for (const Place& at : rows) {
        const float* above = wide.data() + at.first * s.to_width;
        const float* below = wide.data() + at.second * s.to_width;
        for (int64_t w = 0; w < s.to_width; ++w) to[w] = at.near * above[w] + at.far * below[w];
        to += s.to_width;
      }
    }
  }
}

void resize_backward(const Sides& s, const float* d, float* gradient) {
  if (same(s)) {
    std::copy(d, d + s.maps * s.height * s.width, gradient);
    return;
  }
  const std::vector<Place> rows = places(s.height, s.to_height), columns = places(s.width, s.to_width);
#pragma omp parallel for schedule(static)
  for (int64_t map = 0; map < s.maps; ++map) {
    float* to = gradient + map * s.height * s.width;
    std::fill(to, to + s.height * s.width, 0.0f);
    const float* from = d + map * s.to_height * s.to_width;
    for (const Place& row : rows) {
      float* above = to + row.first * s.width;
      float* below = to + row.second * s.width;
      for (int64_t w = 0; w < s.to_width; ++w) {
        const Place& at = columns[w];
        above[at.first] += row.near * at.near * from[w];
        above[at.second] += row.near * at.far * from[w];
        below[at.first] += row.far * at.near * from[w];
        below[at.second] += row.far * at.far * from[w];
      }
      from += s.to_width;
    }
  }
}

}  // namespace aff
