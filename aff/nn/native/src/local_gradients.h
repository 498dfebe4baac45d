// The local context's gradients that are small matrices: from sums over all positions.
#pragma once

#include "local_context.h"

namespace aff {

// From S = sum dz (C) and M = sum dz h^T (C, width), h less its centre: the gradients of W2, b2 and
// the second BatchNorm; and the gradient of h, which is A^T dz - shift - spread . h.
struct Spread {
  Panels weight;  // R (I, I); 0 where the statistics are not the batch's
  float* shift;   // (I)

  static Spread take(Arrays* arrays, const Shape& s) {
    return {{arrays->take(Panels::size(s.inner, s.inner)), s.inner, s.inner},
            arrays->take(s.inner)};
  }
};
void expand_gradients(const Shape& s, const Context& local, const Saved& saved, const float* total,
                      const float* along, const Context& gradients, const Spread& spread,
                      float* square, float* scratch);

// The first BatchNorm: from sum dh and sum dh (u - m) i, by channel, the gradients of its parameters
// and of b1; and du = slope dh + lean (u - m) + offset.
void reduce_gradients(const Shape& s, const Context& local, const Saved& saved, const float* total,
                      const float* along, const Context& gradients, float* slope, float* lean,
                      float* offset);

}  // namespace aff
