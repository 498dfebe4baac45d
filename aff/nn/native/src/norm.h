// BatchNorm and relu in one: y = relu((x - m) i gamma + beta), maps plain (N, C, P).
//
// What follows a fusion gets its map in the plain layout, where mxnet's BatchNorm takes two and a
// half times as long as in oneDNN's own.
#pragma once

#include "fusion.h"

namespace aff {

struct Norm {
  const float *gamma, *beta;
  float *mean, *inverse;  // of x by channel: what it is computed with, kept for backward
};

// With the batch's statistics, which move the running ones, or with the running ones.
void norm_forward(const Shape& s, const Settings& settings, bool batch, const float* x,
                  const Norm& norm, float* running_mean, float* running_var, float* y,
                  const Allocate& allocate);

void norm_backward(const Shape& s, bool batch, const float* x, const Norm& norm, const float* dy,
                   float* dx, float* gamma_gradient, float* beta_gradient,
                   const Allocate& allocate);

}  // namespace aff
