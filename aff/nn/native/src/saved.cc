// What forward keeps for backward.
#include <algorithm>
#include <cmath>

#include "tiles.h"

namespace aff {

namespace {

Saved cut(Arrays* arrays, const Shape& s) {
  Saved saved;
  saved.training = arrays->take(1);
  for (float** array : {&saved.mean1, &saved.inverse1, &saved.centre, &saved.pooled_mean1,
                        &saved.pooled_inverse1})
    *array = arrays->take(s.inner);
  for (float** array :
       {&saved.mean2, &saved.inverse2, &saved.pooled_mean2, &saved.pooled_inverse2})
    *array = arrays->take(s.channels);
  saved.covariance = arrays->take(s.inner * s.inner);
  saved.pooled = arrays->take(s.images * s.channels);
  saved.reduced = arrays->take(s.images * s.inner);
  saved.logits = arrays->take(s.images * s.channels);
  return saved;
}

void take(const Settings& settings, const float* mean, const float* var, int64_t count,
          float* means, float* inverses) {
  for (int64_t k = 0; k < count; ++k) {
    means[k] = mean[k];
    inverses[k] = 1 / std::sqrt(var[k] + settings.eps);
  }
}

}  // namespace

int64_t Saved::size(const Shape& s) {
  Arrays arrays;
  cut(&arrays, s);
  return arrays.used();
}

Saved Saved::at(float* data, const Shape& s) {
  Arrays arrays;
  arrays.in(data);
  return cut(&arrays, s);
}

void Saved::use(const Shape& s, const Settings& settings, const Running& local,
                const Running& global) const {
  take(settings, local.mean1, local.var1, s.inner, mean1, inverse1);
  take(settings, local.mean2, local.var2, s.channels, mean2, inverse2);
  take(settings, global.mean1, global.var1, s.inner, pooled_mean1, pooled_inverse1);
  take(settings, global.mean2, global.var2, s.channels, pooled_mean2, pooled_inverse2);
  std::fill(centre, centre + s.inner, 0.0f);
}

}  // namespace aff
