// Means and sums of squares of many values, without cancellation.
#pragma once

#include <cmath>

#include "vectors.h"

namespace aff {

inline float mean_of(const float* values, int64_t count) {
  Vec total{};
  for (int64_t at = 0; at < count; at += kLanes) total += load(values + at, count - at);
  return sum(total) / count;
}

inline float squares_about(float mean, const float* values, int64_t count) {
  Vec apart{};
  int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    const Vec value = load(values + at) - mean;
    apart += value * value;
  }
  float total = sum(apart);
  for (; at < count; ++at) total += (values[at] - mean) * (values[at] - mean);
  return total;
}

// Chan, Golub and LeVeque's update, of parts that are taken in one after another.
struct Pooled {
  double count = 0, mean = 0, square = 0;

  void join(double more, double other_mean, double other_square) {
    const double apart = other_mean - mean, both = count + more;
    mean += apart * more / both;
    square += other_square + apart * apart * count * more / both;
    count = both;
  }
  float variance() const { return static_cast<float>(square / count); }
  float inverse(float eps) const { return static_cast<float>(1 / std::sqrt(square / count + eps)); }
};

// running = momentum running + (1 - momentum) value
inline void move(float* running, float value, float momentum) {
  *running = momentum * *running + (1 - momentum) * value;
}

}  // namespace aff
