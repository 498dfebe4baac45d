// Products of a weight with a tile of positions, and of two tiles over their positions.
#pragma once

#include <algorithm>

#include "vectors.h"

namespace aff {

inline int64_t padded(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

// A weight (rows x depth) in panels of kRows rows, each depth after depth.
struct Panels {
  float* data;
  int64_t rows, depth;

  static int64_t size(int64_t rows, int64_t depth) { return padded(rows, kRows) * depth; }

  // Takes weight[row * row_step + k * depth_step].
  void pack(const float* weight, int64_t row_step, int64_t depth_step) {
    for (int64_t row = 0; row < padded(rows, kRows); ++row) {
      float* to = data + row / kRows * kRows * depth + row % kRows;
      for (int64_t k = 0; k < depth; ++k)
        to[k * kRows] = row < rows ? weight[row * row_step + k * depth_step] : 0;
    }
  }
};

template <int V, class Finish>
inline __attribute__((always_inline)) void register_tile(const float* weight, int64_t depth,
                                                         const float* tile, int64_t ld,
                                                         int64_t rows, Finish&& finish) {
  Vec sums[kRows][V] = {};
  for (int64_t k = 0; k < depth; ++k, weight += kRows, tile += ld) {
    Vec values[V];
    AFF_UNROLL for (int v = 0; v < V; ++v) values[v] = in_register(load(tile + v * kLanes));
    AFF_UNROLL for (int r = 0; r < kRows; ++r)
      AFF_UNROLL for (int v = 0; v < V; ++v) sums[r][v] += weight[r] * values[v];
  }
  AFF_UNROLL for (int r = 0; r < kRows; ++r)
    if (r < rows)
      AFF_UNROLL for (int v = 0; v < V; ++v) finish(r, v, sums[r][v]);
}

template <class Finish>
inline __attribute__((always_inline)) void panel(const Panels& weight, int64_t row,
                                                 const float* tile, int64_t ld, int64_t first,
                                                 int64_t vectors, Finish&& finish) {
  const float* from = weight.data + row * weight.depth;
  const float* to = tile + first * kLanes;
  const int64_t left = weight.rows - row, wide = vectors - first;
  auto at = [&](int r, int v, Vec values) { finish(row + r, first + v, values); };
  if (wide >= kPanel) register_tile<kPanel>(from, weight.depth, to, ld, left, at);
  else if (wide == 1) register_tile<1>(from, weight.depth, to, ld, left, at);
  else if (wide == 2) register_tile<2>(from, weight.depth, to, ld, left, at);
  else register_tile<3>(from, weight.depth, to, ld, left, at);
}

// weight . tile, the tile (depth x vectors) with rows `ld` apart: finish(row, vector, values). By
// positions first, where the tile is large: what is used of it stays near.
template <class Finish>
inline __attribute__((always_inline)) void multiply(const Panels& weight, const float* tile,
                                                    int64_t ld, int64_t vectors, Finish&& finish) {
  for (int64_t first = 0; first < vectors; first += kPanel)
    for (int64_t row = 0; row < weight.rows; row += kRows)
      panel(weight, row, tile, ld, first, vectors, finish);
}

// The same by rows first, where the tile is small and `finish` reads and writes maps: in few long
// streams, that the processor fetches ahead.
template <class Finish>
inline __attribute__((always_inline)) void multiply_rows(const Panels& weight, const float* tile,
                                                         int64_t ld, int64_t vectors,
                                                         Finish&& finish) {
  for (int64_t row = 0; row < weight.rows; row += kRows)
    for (int64_t first = 0; first < vectors; first += kPanel)
      panel(weight, row, tile, ld, first, vectors, finish);
}

template <int R, int V>
inline void outer_tile(const float* rows, int64_t ld, const float* columns, int64_t width,
                       int64_t count, float* sums) {
  Vec tile[R][V];
  AFF_UNROLL for (int r = 0; r < R; ++r)
    AFF_UNROLL for (int v = 0; v < V; ++v) tile[r][v] = load(sums + r * width + v * kLanes);
  for (int64_t p = 0; p < count; ++p, columns += width) {
    Vec values[V];
    AFF_UNROLL for (int v = 0; v < V; ++v) values[v] = in_register(load(columns + v * kLanes));
    AFF_UNROLL for (int r = 0; r < R; ++r)
      AFF_UNROLL for (int v = 0; v < V; ++v) tile[r][v] += rows[r * ld + p] * values[v];
  }
  AFF_UNROLL for (int r = 0; r < R; ++r)
    AFF_UNROLL for (int v = 0; v < V; ++v) store(sums + r * width + v * kLanes, tile[r][v]);
}

template <int R, int V>
inline void outer_rows(const float* rows, int64_t ld, int64_t height, const float* columns,
                       int64_t width, int64_t count, float* sums) {
  for (; height >= R; height -= R, rows += R * ld, sums += R * width)
    outer_tile<R, V>(rows, ld, columns, width, count, sums);
  if constexpr (R > 1)
    if (height) outer_rows<R / 2, V>(rows, ld, height, columns, width, count, sums);
}

// sums (height x width) += rows (height x count, `ld` apart) . columns (count x width); width is a
// multiple of kLanes.
inline void outer(const float* rows, int64_t ld, int64_t height, const float* columns,
                  int64_t width, int64_t count, float* sums) {
  int64_t i = 0;
  for (; i + kPanel * kLanes <= width; i += kPanel * kLanes)
    outer_rows<kRows, kPanel>(rows, ld, height, columns + i, width, count, sums + i);
  if (kPanel > 2 && i + 2 * kLanes <= width) {
    outer_rows<kRows, 2>(rows, ld, height, columns + i, width, count, sums + i);
    i += 2 * kLanes;
  }
  for (; i < width; i += kLanes)
    outer_rows<2 * kRows, 1>(rows, ld, height, columns + i, width, count, sums + i);
}

// rows (height x count, `ld` apart) as columns (count x width), width = padded(height, kLanes); rows
// up to `width` and positions up to a multiple of kLanes are read.
inline void as_columns(const float* rows, int64_t ld, int64_t height, int64_t count,
                       float* columns) {
  const int64_t width = padded(height, kLanes);
  for (int64_t p = 0; p < count; p += kLanes)
    for (int64_t i = 0; i < width; i += kLanes)
      transpose(rows + i * ld + p, ld, columns + p * width + i, width);
}

// sums (height x width) += a (height x count) . b (few x count)^T, rows `ld` apart and 0 behind
// `count` in one of the two. Rows up to a multiple of kBlock are read.
constexpr int kBlock = kLanes >= 16 ? 4 : 2;  // kBlock^2 sums, at most kLanes, are reduced at once
inline void inner(const float* a, int64_t height, const float* b, int64_t few, int64_t ld,
                  int64_t count, int64_t width, float* sums) {
  for (int64_t row = 0; row < height; row += kBlock)
    for (int64_t other = 0; other < few; other += kBlock) {
      Vec total[kLanes] = {};
      for (int64_t p = 0; p < count; p += kLanes) {
        Vec values[kBlock];
        AFF_UNROLL for (int k = 0; k < kBlock; ++k)
          values[k] = in_register(load(b + (other + k) * ld + p));
        AFF_UNROLL for (int r = 0; r < kBlock; ++r) {
          const Vec value = load(a + (row + r) * ld + p);
          AFF_UNROLL for (int k = 0; k < kBlock; ++k) total[r * kBlock + k] += value * values[k];
        }
      }
      const Vec found = aff::sums(total);
      for (int r = 0; r < kBlock && row + r < height; ++r)
        for (int k = 0; k < kBlock && other + k < few; ++k)
          sums[(row + r) * width + other + k] += found[r * kBlock + k];
    }
}

// sums (height x width) += a (height x count) . b (few x count)^T: by columns of b, which `columns`
// has room for, where that wastes few lanes. What lies behind `count` must be 0 in `a`.
inline void add_product(const float* a, int64_t height, const float* b, int64_t few, int64_t ld,
                        int64_t count, float* columns, float* sums) {
  const int64_t width = padded(few, kLanes);
  if (few < kLanes) return inner(a, height, b, few, ld, count, width, sums);
  as_columns(b, ld, few, count, columns);
  outer(a, ld, height, columns, width, count, sums);
}

}  // namespace aff
