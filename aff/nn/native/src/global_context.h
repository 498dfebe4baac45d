// The global context: everything on N values a channel, and its gradients.
#pragma once

#include "fusion.h"

namespace aff {

// Statistics and logits from saved.pooled, into `saved`; `hidden` is (N, I). With the statistics
// that `saved` has where it is not the batch's.
void global_logits(const Shape& s, const Settings& settings, const Context& context,
                   const Saved& saved, const Running& running, float* hidden);

// The logits of one image, where no statistics are the batch's; `hidden` is (I).
void global_logits_of(const Shape& s, const Context& context, const Saved& saved, int64_t image,
                      float* hidden);

// From the gradient of the logits (N, C), which is overwritten: that of the pooled values (N, C), and
// of the parameters; `hidden` is 2 (N, I).
void global_gradients(const Shape& s, const Context& context, const Saved& saved, float* gradient,
                      float* pooled_gradient, const Context& gradients, float* hidden);

}  // namespace aff
