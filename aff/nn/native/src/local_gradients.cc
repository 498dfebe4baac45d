#include "local_gradients.h"

namespace aff {

void expand_gradients(const Shape& s, const Context& local, const Saved& saved, const float* total,
                      const float* along, const Context& gradients, const Spread& spread,
                      float* square, float* scratch) {
  const bool batch = *saved.training;
  const int64_t width = padded(s.inner, kLanes);
  const float values = static_cast<float>(s.per_channel());
#pragma omp parallel for schedule(static)
  for (int64_t c = 0; c < s.channels; ++c) {
    const float* weight = local.expand + c * s.inner;
    const float* sums = along + c * width;
    const float inverse = saved.inverse2[c], slope = local.gamma2[c] * inverse;
    float* row = scratch + omp_get_thread_num() * padded(s.inner, 16);
    float t = batch ? 0 : (local.expand_bias[c] - saved.mean2[c]) * total[c];
    for (int64_t i = 0; i < s.inner; ++i) t += weight[i] * sums[i];
    t *= inverse;
    gradients.gamma2[c] = t;
    gradients.beta2[c] = total[c];
    gradients.expand_bias[c] = batch ? 0 : slope * total[c];
    if (batch) weight_by_covariance(s, weight, saved.covariance, row);
    for (int64_t i = 0; i < s.inner; ++i)
      gradients.expand[c * s.inner + i] = slope * (sums[i] - (batch ? t * inverse * row[i] : 0));
  }
#pragma omp parallel for schedule(static)
  for (int64_t j = 0; j < s.inner; ++j) {
    float* row = square + j * s.inner;
    std::fill(row, row + s.inner, 0.0f);
    spread.shift[j] = 0;
    for (int64_t c = 0; batch && c < s.channels; ++c) {
      const float* weight = local.expand + c * s.inner;
      const float folded = local.gamma2[c] * saved.inverse2[c] * weight[j] / values;
      const float factor = folded * gradients.gamma2[c] * saved.inverse2[c];
      spread.shift[j] += folded * total[c];
      for (int64_t i = 0; i < s.inner; ++i) row[i] += factor * weight[i];
    }
  }
  Panels(spread.weight).pack(square, s.inner, 1);
}

void reduce_gradients(const Shape& s, const Context& local, const Saved& saved, const float* total,
                      const float* along, const Context& gradients, float* slope, float* lean,
                      float* offset) {
  const bool batch = *saved.training;
  const float values = static_cast<float>(s.per_channel());
  for (int64_t i = 0; i < s.inner; ++i) {
    const float inverse = saved.inverse1[i];
    gradients.gamma1[i] = along[i];
    gradients.beta1[i] = total[i];
    slope[i] = local.gamma1[i] * inverse;
    gradients.reduce_bias[i] = batch ? 0 : slope[i] * total[i];
    lean[i] = batch ? -slope[i] * inverse * along[i] / values : 0;
    offset[i] = batch ? -slope[i] * total[i] / values : 0;
  }
}

}  // namespace aff
