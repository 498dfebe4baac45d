// Bilinear resizing between the centres of pixels, maps (N C, H, W).
#pragma once

#include <cstdint>

namespace aff {

struct Sides {
  int64_t maps, height, width;  // of what is resized
  int64_t to_height, to_width;
};

void resize(const Sides& s, const float* z, float* out);

// From the gradient of `out` to that of z. No sum depends on the number of threads.
void resize_backward(const Sides& s, const float* d, float* gradient);

}  // namespace aff
