// Soft selection of two maps by local and global channel context: equations 1 to 5 of the paper.
//
//   out = scale ((x + r) + t (x - r)),  t = tanh((L(z) + g(z)) / 2) = 2 M(z) - 1
//
// z is x + r, or an input of its own (the second step of iAFF). L, at every position, and g, of the
// mean over positions, are each: W1, b1, BatchNorm, relu, W2, b2, BatchNorm. Maps are plain
// (N, C, P), P = H W; I is the bottleneck's channels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace aff {

struct Shape {
  int64_t images, channels, inner, positions;
  int64_t per_channel() const { return images * positions; }  // values a BatchNorm sees
};

struct Settings {
  float eps, momentum, scale;
  bool relu;    // relu(out) is given instead of out
  bool frozen;  // BatchNorm by running statistics in training too
};

// Parameters of one context, or their gradients.
struct Context {
  float *reduce, *reduce_bias;  // W1 (I, C), b1
  float *gamma1, *beta1;
  float *expand, *expand_bias;  // W2 (C, I), b2
  float *gamma2, *beta2;
};

struct Running {
  float *mean1, *var1, *mean2, *var2;
};

struct Inputs {
  const float *x, *residual;
  const float* z;         // or null: x + residual
  const float* training;  // one value, 1 in inference (see register.cc)
  Context local, global;
  Running local_running, global_running;
};

// What backward needs of forward, in one array of `size` floats.
struct Saved {
  float* training;                             // 1: statistics of the batch
  float *mean1, *inverse1;                     // of u = W1 z + b1, by channel: m, 1 / sqrt(v + eps)
  float *centre;                               // subtracted from h: its mean (or 0)
  float *mean2, *inverse2;                     // of v = W2 h + b2
  float* covariance;                           // of h (I, I)
  float *pooled, *reduced, *logits;            // mean of z (N, C), W1 pooled + b1 (N, I), g (N, C)
  float *pooled_mean1, *pooled_inverse1;       // the same statistics in the global context
  float *pooled_mean2, *pooled_inverse2;

  static int64_t size(const Shape& s);
  static Saved at(float* data, const Shape& s);
  // Takes running statistics for those that the fusion is computed with.
  void use(const Shape& s, const Settings& settings, const Running& local,
           const Running& global) const;
};

// The gradients of Inputs; those of running statistics there are none.
struct Gradients {
  float *x, *residual;
  float* z;
  Context local, global;
};

// Gives memory of `bytes`, once.
using Allocate = std::function<void*(size_t bytes)>;

void forward(const Shape& shape, const Settings& settings, const Inputs& in, float* out, float* u,
             const Saved& saved, const Allocate& allocate);

void backward(const Shape& shape, const Settings& settings, const Inputs& in, const float* u,
              const Saved& saved, const float* out_gradient, const Gradients& gradients,
              const Allocate& allocate);

}  // namespace aff
