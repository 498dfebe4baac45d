// Statistics of the local context. The logits v = W2 h + b2 are never stored: their mean is
// W2 mean(h) + b2 and their variance W2 cov(h) W2^T, so an I x I matrix is enough.
#include "local_context.h"

#include <cmath>

namespace aff {

void Folded::fold(const Shape& s, const Context& local, const Saved& saved, float* scaled) const {
  const bool batch = *saved.training;
  for (int64_t c = 0; c < s.channels; ++c) {
    const float slope = local.gamma2[c] * saved.inverse2[c];
    for (int64_t i = 0; i < s.inner; ++i)
      scaled[c * s.inner + i] = slope * local.expand[c * s.inner + i];
    // The batch's mean of v is that of W2 h + b2, and so all but beta cancels.
    bias[c] = local.beta2[c];
    if (!batch) bias[c] += slope * (local.expand_bias[c] - saved.mean2[c]);
  }
  Panels(weight).pack(scaled, s.inner, 1);
}

void reduce_moments(const Shape& s, const Settings& settings, const Tiles& tiles,
                    const float* means, const float* squares, const Saved& saved,
                    const Running& running) {
  for (int64_t i = 0; i < s.inner; ++i) {
    Pooled pooled;
    for (int64_t n = 0; n < tiles.items; ++n) {
      const Item item = tiles.item(n);
      pooled.join(static_cast<double>(item.end - item.begin), means[n * s.inner + i],
                  squares[n * s.inner + i]);
    }
    saved.mean1[i] = static_cast<float>(pooled.mean);
    saved.inverse1[i] = pooled.inverse(settings.eps);
    move(running.mean1 + i, saved.mean1[i], settings.momentum);
    move(running.var1 + i, pooled.variance(), settings.momentum);
  }
}

void weight_by_covariance(const Shape& s, const float* weight, const float* covariance,
                          float* row) {
  std::fill(row, row + s.inner, 0.0f);
  for (int64_t i = 0; i < s.inner; ++i)
    for (int64_t j = 0; j < s.inner; ++j) row[j] += weight[i] * covariance[i * s.inner + j];
}

namespace {

// Mean of h, and sum of squares about it (I x width), of some positions.
struct Moments {
  float *count, *mean, *square;
  static Moments at(float* data, const Shape& s) {
    return {data, data + 16, data + 16 + padded(s.inner, 16)};
  }

  // Takes in more, of which `square` may have been added already.
  void join(const Shape& s, float more, const float* other_mean, const float* other_square) {
    const int64_t width = padded(s.inner, kLanes);
    const float both = *count + more, weight = *count * (more / both);
    for (int64_t i = 0; i < s.inner; ++i)
      for (int64_t j = 0; j < s.inner; ++j)
        square[i * width + j] += (other_square ? other_square[i * width + j] : 0) +
                                 weight * (other_mean[i] - mean[i]) * (other_mean[j] - mean[j]);
    for (int64_t i = 0; i < s.inner; ++i) mean[i] += (other_mean[i] - mean[i]) * (more / both);
    *count = both;
  }
};

}  // namespace

void expand_moments(const Shape& s, const Settings& settings, const Tiles& tiles,
                    const Context& local, const float* u, const Saved& saved,
                    const Running& running, float* sums, float* scratch) {
  const int64_t width = padded(s.inner, kLanes), each = moment_sums(s);
  std::fill(sums, sums + tiles.groups * each, 0.0f);
  std::fill(saved.centre, saved.centre + s.inner, 0.0f);
  tiles.in_groups([&](int64_t number, int64_t group, int thread) {
    float* h = scratch + thread * moment_scratch(s, tiles);
    float* columns = h + width * tiles.ld;
    float* mean = columns + padded(tiles.width, kLanes) * width;
    float* none = mean + padded(s.inner, 16);
    const Item item = tiles.item(number);
    const float* from = u + item.image * s.inner * s.positions;
    const float count = static_cast<float>(item.end - item.begin);
    std::fill(mean, mean + s.inner, 0.0f);
    std::fill(none, none + s.inner, 0.0f);
    tiles.of(item, [&](int64_t p, int64_t some) {
      hidden_tile(s, local, saved, from + p, some, tiles.ld, h);
      for (int64_t i = 0; i < s.inner; ++i) {
        Vec total{};
        for (int64_t at = 0; at < some; at += kLanes)
          total += load(h + i * tiles.ld + at, some - at);
        mean[i] += sum(total) / count;
      }
    });
    Moments moments = Moments::at(sums + group * each, s);
    Saved centred = saved;
    centred.centre = mean;
    tiles.of(item, [&](int64_t p, int64_t some) {
      hidden_tile(s, local, centred, from + p, some, tiles.ld, h);
      for (int64_t i = 0; i < s.inner; ++i)  // nothing counts behind the end
        for (int64_t at = some; at < padded(some, kLanes); ++at) h[i * tiles.ld + at] = 0;
      add_product(h, s.inner, h, s.inner, tiles.ld, some, columns, moments.square);
    });
    moments.join(s, count, mean, nullptr);
  });
  Moments whole = Moments::at(sums, s);
  for (int64_t group = 1; group < tiles.groups; ++group) {
    const Moments other = Moments::at(sums + group * each, s);
    whole.join(s, *other.count, other.mean, other.square);
  }
  for (int64_t i = 0; i < s.inner; ++i) {
    saved.centre[i] = whole.mean[i];
    for (int64_t j = 0; j < s.inner; ++j)
      saved.covariance[i * s.inner + j] = whole.square[i * width + j] / s.per_channel();
  }
#pragma omp parallel for schedule(static)
  for (int64_t c = 0; c < s.channels; ++c) {
    const float* weight = local.expand + c * s.inner;
    float* row = scratch + omp_get_thread_num() * moment_scratch(s, tiles);
    weight_by_covariance(s, weight, saved.covariance, row);
    double mean = local.expand_bias[c], variance = 0;
    for (int64_t i = 0; i < s.inner; ++i) {
      mean += weight[i] * saved.centre[i];
      variance += weight[i] * row[i];
    }
    variance = variance < 0 ? 0 : variance;
    saved.mean2[c] = static_cast<float>(mean);
    saved.inverse2[c] = static_cast<float>(1 / std::sqrt(variance + settings.eps));
    move(running.mean2 + c, static_cast<float>(mean), settings.momentum);
    move(running.var2 + c, static_cast<float>(variance), settings.momentum);
  }
}

}  // namespace aff
