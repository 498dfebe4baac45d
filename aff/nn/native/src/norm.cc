#include "norm.h"

#include <cmath>

#include "local_context.h"

namespace aff {

namespace {

// Calls work(row, channel, image * channels + channel) for the rows of x: the positions of a map.
template <class Work>
void rows(const Shape& s, Work&& work) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < s.images; ++n)
    for (int64_t c = 0; c < s.channels; ++c)
      work((n * s.channels + c) * s.positions, c, n * s.channels + c);
}

}  // namespace

void norm_forward(const Shape& s, const Settings& settings, bool batch, const float* x,
                  const Norm& norm, float* running_mean, float* running_var, float* y,
                  const Allocate& allocate) {
  const int64_t maps = s.images * s.channels;
  if (batch) {
    float* means = static_cast<float*>(allocate(2 * maps * sizeof(float)));
    float* squares = means + maps;
    rows(s, [&](int64_t row, int64_t, int64_t map) {
      means[map] = mean_of(x + row, s.positions);
      squares[map] = squares_about(means[map], x + row, s.positions);
    });
    for (int64_t c = 0; c < s.channels; ++c) {
      Pooled pooled;
      for (int64_t map = c; map < maps; map += s.channels)
        pooled.join(static_cast<double>(s.positions), means[map], squares[map]);
      norm.mean[c] = static_cast<float>(pooled.mean);
      norm.inverse[c] = pooled.inverse(settings.eps);
      move(running_mean + c, norm.mean[c], settings.momentum);
      move(running_var + c, pooled.variance(), settings.momentum);
    }
  } else {
    for (int64_t c = 0; c < s.channels; ++c) {
      norm.mean[c] = running_mean[c];
      norm.inverse[c] = 1 / std::sqrt(running_var[c] + settings.eps);
    }
  }
  rows(s, [&](int64_t row, int64_t c, int64_t) {
    const Vec mean = all(norm.mean[c]), slope = all(norm.inverse[c] * norm.gamma[c]);
    const Vec beta = all(norm.beta[c]);
    for (int64_t p = 0; p < s.positions; p += kLanes) {
      const int64_t some = s.positions - p;
      store(y + row + p, relu((load(x + row + p, some) - mean) * slope + beta), some);
    }
  });
}

void norm_backward(const Shape& s, bool batch, const float* x, const Norm& norm, const float* dy,
                   float* dx, float* gamma_gradient, float* beta_gradient,
                   const Allocate& allocate) {
  const int64_t maps = s.images * s.channels;
  float* totals = static_cast<float*>(allocate(2 * maps * sizeof(float)));
  float* along = totals + maps;
  // The gradient that relu lets through, and the normalized x, at some positions of a row.
  auto at = [&](int64_t row, int64_t c, int64_t p, Vec* normal) {
    const int64_t some = s.positions - p;
    *normal = (load(x + row + p, some) - norm.mean[c]) * norm.inverse[c];
    return where_active(*normal * norm.gamma[c] + norm.beta[c], load(dy + row + p, some));
  };
  rows(s, [&](int64_t row, int64_t c, int64_t map) {
    Vec total{}, other{}, normal;
    for (int64_t p = 0; p < s.positions; p += kLanes) {
      const Vec given = at(row, c, p, &normal);
      total += given;
      other += given * normal;
    }
    totals[map] = sum(total);
    along[map] = sum(other);
  });
  for (int64_t c = 0; c < s.channels; ++c) {
    double total = 0, other = 0;
    for (int64_t map = c; map < maps; map += s.channels) total += totals[map], other += along[map];
    beta_gradient[c] = static_cast<float>(total);
    gamma_gradient[c] = static_cast<float>(other);
  }
  const float values = static_cast<float>(s.per_channel());
  rows(s, [&](int64_t row, int64_t c, int64_t) {
    const float slope = norm.gamma[c] * norm.inverse[c];
    const float shift = batch ? beta_gradient[c] / values : 0;
    const float spread = batch ? gamma_gradient[c] / values : 0;
    Vec normal;
    for (int64_t p = 0; p < s.positions; p += kLanes) {
      const Vec given = at(row, c, p, &normal);
      store(dx + row + p, (given - shift - normal * spread) * slope, s.positions - p);
    }
  });
}

}  // namespace aff
