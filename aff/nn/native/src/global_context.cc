#include "global_context.h"

#include <algorithm>
#include <cmath>

#include "local_context.h"

namespace aff {

namespace {

float dot(const float* a, const float* b, int64_t count) {
  Vec total{};
  for (int64_t k = 0; k < count; k += kLanes) total += load(a + k, count - k) * load(b + k, count - k);
  return sum(total);
}

void add_scaled(float* to, float factor, const float* from, int64_t count) {
  for (int64_t k = 0; k < count; ++k) to[k] += factor * from[k];
}

// Mean and 1 / sqrt(variance + eps) of each of `width` columns of values.
void column_moments(const Settings& settings, const float* values, int64_t rows, int64_t width,
                    float* means, float* inverses, float* running_mean, float* running_var) {
  for (int64_t k = 0; k < width; ++k) {
    double mean = 0, variance = 0;
    for (int64_t n = 0; n < rows; ++n) mean += values[n * width + k];
    mean /= rows;
    for (int64_t n = 0; n < rows; ++n) {
      const double apart = values[n * width + k] - mean;
      variance += apart * apart / rows;
    }
    means[k] = static_cast<float>(mean);
    inverses[k] = static_cast<float>(1 / std::sqrt(variance + settings.eps));
    move(running_mean + k, static_cast<float>(mean), settings.momentum);
    move(running_var + k, static_cast<float>(variance), settings.momentum);
  }
}

// The gradient of BatchNorm over rows, in place: from that of its output to that of its input. Of
// gamma and beta too, and of the bias that was added before (0 where the batch's mean cancels it).
void norm_gradients(bool batch, int64_t rows, int64_t width, const float* values,
                    const float* means, const float* inverses, const float* gamma, float* gradient,
                    float* gamma_gradient, float* beta_gradient, float* bias_gradient) {
  for (int64_t k = 0; k < width; ++k) {
    float total = 0, along = 0;
    auto normal = [&](int64_t n) { return (values[n * width + k] - means[k]) * inverses[k]; };
    for (int64_t n = 0; n < rows; ++n) {
      total += gradient[n * width + k];
      along += gradient[n * width + k] * normal(n);
    }
    beta_gradient[k] = total;
    gamma_gradient[k] = along;
    const float slope = gamma[k] * inverses[k];
    bias_gradient[k] = batch ? 0 : slope * total;
    for (int64_t n = 0; n < rows; ++n) {
      float& value = gradient[n * width + k];
      value = slope * (batch ? value - total / rows - normal(n) * (along / rows) : value);
    }
  }
}

float normalized(float value, float mean, float inverse, float gamma, float beta) {
  return (value - mean) * inverse * gamma + beta;
}

void reduce(const Shape& s, const Context& context, const Saved& saved, int64_t image) {
  const float* pooled = saved.pooled + image * s.channels;
  for (int64_t i = 0; i < s.inner; ++i)
    saved.reduced[image * s.inner + i] =
        dot(context.reduce + i * s.channels, pooled, s.channels) + context.reduce_bias[i];
}

void hide(const Shape& s, const Context& context, const Saved& saved, int64_t image,
          float* hidden) {
  for (int64_t i = 0; i < s.inner; ++i) {
    const float value =
        normalized(saved.reduced[image * s.inner + i], saved.pooled_mean1[i],
                   saved.pooled_inverse1[i], context.gamma1[i], context.beta1[i]);
    hidden[i] = value < 0 ? 0 : value;
  }
}

// W2 h + b2, before the second BatchNorm.
void expand(const Shape& s, const Context& context, const float* hidden, float* values) {
  for (int64_t c = 0; c < s.channels; ++c)
    values[c] = dot(context.expand + c * s.inner, hidden, s.inner) + context.expand_bias[c];
}

void normalize(const Shape& s, const Context& context, const Saved& saved, float* logits) {
  for (int64_t c = 0; c < s.channels; ++c)
    logits[c] = normalized(logits[c], saved.pooled_mean2[c], saved.pooled_inverse2[c],
                           context.gamma2[c], context.beta2[c]);
}

}  // namespace

void global_logits_of(const Shape& s, const Context& context, const Saved& saved, int64_t image,
                      float* hidden) {
  float* logits = saved.logits + image * s.channels;
  reduce(s, context, saved, image);
  hide(s, context, saved, image, hidden);
  expand(s, context, hidden, logits);
  normalize(s, context, saved, logits);
}

void global_logits(const Shape& s, const Settings& settings, const Context& context,
                   const Saved& saved, const Running& running, float* hidden) {
  if (!*saved.training) {
    for (int64_t n = 0; n < s.images; ++n) global_logits_of(s, context, saved, n, hidden);
    return;
  }
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < s.images; ++n) reduce(s, context, saved, n);
  column_moments(settings, saved.reduced, s.images, s.inner, saved.pooled_mean1,
                 saved.pooled_inverse1, running.mean1, running.var1);
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < s.images; ++n) {
    hide(s, context, saved, n, hidden + n * s.inner);
    expand(s, context, hidden + n * s.inner, saved.logits + n * s.channels);
  }
  column_moments(settings, saved.logits, s.images, s.channels, saved.pooled_mean2,
                 saved.pooled_inverse2, running.mean2, running.var2);
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < s.images; ++n) normalize(s, context, saved, saved.logits + n * s.channels);
}

void global_gradients(const Shape& s, const Context& context, const Saved& saved, float* gradient,
                      float* pooled_gradient, const Context& gradients, float* hidden) {
  const bool batch = *saved.training;
  float* inner = hidden + s.images * s.inner;  // gradient of h, then of W1 pooled + b1
  float* values = pooled_gradient;             // v, until what it is for is known
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < s.images; ++n) {
    hide(s, context, saved, n, hidden + n * s.inner);
    expand(s, context, hidden + n * s.inner, values + n * s.channels);
  }
  norm_gradients(batch, s.images, s.channels, values, saved.pooled_mean2, saved.pooled_inverse2,
                 context.gamma2, gradient, gradients.gamma2, gradients.beta2,
                 gradients.expand_bias);
  std::fill(gradients.expand, gradients.expand + s.channels * s.inner, 0.0f);
#pragma omp parallel for schedule(static)
  for (int64_t c = 0; c < s.channels; ++c)
    for (int64_t n = 0; n < s.images; ++n)
      add_scaled(gradients.expand + c * s.inner, gradient[n * s.channels + c],
                 hidden + n * s.inner, s.inner);
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < s.images; ++n) {
    float* to = inner + n * s.inner;
    std::fill(to, to + s.inner, 0.0f);
    for (int64_t c = 0; c < s.channels; ++c)
      add_scaled(to, gradient[n * s.channels + c], context.expand + c * s.inner, s.inner);
    for (int64_t i = 0; i < s.inner; ++i)
      if (hidden[n * s.inner + i] <= 0) to[i] = 0;
  }
  norm_gradients(batch, s.images, s.inner, saved.reduced, saved.pooled_mean1,
                 saved.pooled_inverse1, context.gamma1, inner, gradients.gamma1, gradients.beta1,
                 gradients.reduce_bias);
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < s.images; ++n) {
    float* to = pooled_gradient + n * s.channels;
    std::fill(to, to + s.channels, 0.0f);
    for (int64_t i = 0; i < s.inner; ++i)
      add_scaled(to, inner[n * s.inner + i], context.reduce + i * s.channels, s.channels);
  }
  std::fill(gradients.reduce, gradients.reduce + s.inner * s.channels, 0.0f);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < s.inner; ++i)
    for (int64_t n = 0; n < s.images; ++n)
      add_scaled(gradients.reduce + i * s.channels, inner[n * s.inner + i],
                 saved.pooled + n * s.channels, s.channels);
}

}  // namespace aff
