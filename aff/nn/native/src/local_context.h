// The local context on tiles: h = relu(BatchNorm(u)), and what its statistics give.
#pragma once

#include "moments.h"
#include "tiles.h"

namespace aff {

// h less its centre, (I, count), from u at a position of an image; rows `ld` apart. Where `before`
// is given, it is what relu was given.
inline void hidden_tile(const Shape& s, const Context& local, const Saved& saved, const float* u,
                        int64_t count, int64_t ld, float* h, float* before = nullptr) {
  for (int64_t i = 0; i < s.inner; ++i) {
    const float slope = local.gamma1[i] * saved.inverse1[i];
    const Vec mean = all(saved.mean1[i]), beta = all(local.beta1[i]), centre = all(saved.centre[i]);
    const float* from = u + i * s.positions;
    for (int64_t p = 0; p < count; p += kLanes) {
      const Vec value = (load(from + p, count - p) - mean) * slope + beta;
      store(h + i * ld + p, relu(value) - centre);
      if (before) store(before + i * ld + p, value);
    }
  }
}

// The logits from h less its centre: weight . h + bias, the second BatchNorm folded in.
struct Folded {
  Panels weight;  // (C, I)
  float* bias;

  static Folded take(Arrays* arrays, const Shape& s) {
    return {{arrays->take(Panels::size(s.channels, s.inner)), s.channels, s.inner},
            arrays->take(s.channels)};
  }
  void fold(const Shape& s, const Context& local, const Saved& saved, float* scaled) const;
};

// Mean and variance of u, by channel, from those of each item; then of h and of v = W2 h + b2.
// They go into `saved`, and into the running statistics.
void reduce_moments(const Shape& s, const Settings& settings, const Tiles& tiles,
                    const float* means, const float* squares, const Saved& saved,
                    const Running& running);
void expand_moments(const Shape& s, const Settings& settings, const Tiles& tiles,
                    const Context& local, const float* u, const Saved& saved,
                    const Running& running, float* sums, float* scratch);

// row (I) = weight (I) . covariance (I, I)
void weight_by_covariance(const Shape& s, const float* weight, const float* covariance, float* row);

// Floats of `sums` and of `scratch` by thread, for expand_moments.
inline int64_t moment_sums(const Shape& s) {
  return s.inner * padded(s.inner, kLanes) + padded(s.inner, 16) + 16;
}
inline int64_t moment_scratch(const Shape& s, const Tiles& tiles) {
  const int64_t width = padded(s.inner, kLanes);
  return width * tiles.ld + padded(tiles.width, kLanes) * width + 2 * padded(s.inner, 16);
}

}  // namespace aff
