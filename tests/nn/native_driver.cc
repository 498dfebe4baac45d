// Computes fusions of odd sizes, with all arrays of just the size that they have.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "fusion.h"
#include "norm.h"
#include "resize.h"

namespace {

std::vector<std::unique_ptr<float[]>> kept;
unsigned state = 1;

float* array(int64_t count, float least = -1) {
  kept.emplace_back(new float[count]);
  for (int64_t k = 0; k < count; ++k) {
    state = state * 1664525u + 1013904223u;
    kept.back()[k] = least + (1 - least) * static_cast<float>(state >> 8) / (1 << 24);
  }
  return kept.back().get();
}

aff::Context context(const aff::Shape& s) {
  const int64_t weights = s.inner * s.channels;
  return {array(weights), array(s.inner),    array(s.inner),    array(s.inner),
          array(weights), array(s.channels), array(s.channels), array(s.channels)};
}

aff::Running running(const aff::Shape& s) {
  return {array(s.inner), array(s.inner, 0.5f), array(s.channels), array(s.channels, 0.5f)};
}

bool compute(const aff::Shape& s, bool own_z, bool relu, bool training) {
  const int64_t values = s.images * s.channels * s.positions;
  std::unique_ptr<char[]> memory;
  auto allocate = [&](size_t bytes) {
    memory.reset(new char[bytes + 64]);
    const auto address = reinterpret_cast<uintptr_t>(memory.get());
    return reinterpret_cast<void*>((address + 63) / 64 * 64);
  };
  const aff::Settings settings = {1e-5f, 0.9f, 0.5f, relu, false};
  const float phase = training ? 2 : 1;
  const aff::Inputs in = {array(values), array(values), own_z ? array(values) : nullptr, &phase,
                          context(s),    context(s),    running(s),                      running(s)};
  float* out = array(values);
  float* u = array(s.images * s.inner * s.positions);
  const aff::Saved saved = aff::Saved::at(array(aff::Saved::size(s)), s);
  *saved.training = training;
  aff::forward(s, settings, in, out, u, saved, allocate);
  const aff::Gradients gradients = {array(values), array(values), own_z ? array(values) : nullptr,
                                    context(s), context(s)};
  aff::backward(s, settings, in, u, saved, array(values), gradients, allocate);
  const aff::Norm norm = {array(s.channels), array(s.channels), array(s.channels),
                          array(s.channels)};
  float *y = array(values), *dx = array(values);
  aff::norm_forward(s, settings, training, in.x, norm, array(s.channels),
                    array(s.channels, 0.5f), y, allocate);
  aff::norm_backward(s, training, in.x, norm, array(values), dx, array(s.channels),
                     array(s.channels), allocate);
  bool finite = true;
  for (int64_t k = 0; k < values; ++k)
    finite = finite && std::isfinite(out[k]) && std::isfinite(gradients.x[k]) &&
             std::isfinite(gradients.residual[k]) && y[k] >= 0 && std::isfinite(dx[k]) && !(relu && out[k] < 0);
  kept.clear();
  return finite;
}

bool resized(const aff::Sides& s) {
  const int64_t values = s.maps * s.height * s.width, others = s.maps * s.to_height * s.to_width;
  float *out = array(others), *gradient = array(values);
  aff::resize(s, array(values), out);
  aff::resize_backward(s, array(others), gradient);
  bool finite = true;
  for (int64_t k = 0; k < others; ++k) finite = finite && std::isfinite(out[k]);
  for (int64_t k = 0; k < values; ++k) finite = finite && std::isfinite(gradient[k]);
  kept.clear();
  return finite;
}

}  // namespace

int main() {
  const aff::Shape shapes[] = {{1, 1, 1, 1},   {2, 3, 1, 1},    {3, 17, 5, 7},    {2, 16, 4, 784},
                               {1, 64, 16, 49}, {2, 65, 17, 63}, {1, 130, 33, 129}, {17, 8, 2, 3},
                               {1, 600, 40, 65}, {1, 7, 7, 5000}};
  int count = 0;
  for (const aff::Shape& shape : shapes)
    for (int kind = 0; kind < 8; ++kind, ++count)
      if (!compute(shape, kind & 1, kind & 2, kind & 4)) {
        std::printf("not finite: %ld %ld\n", (long)shape.channels, (long)shape.positions);
        return 1;
      }
  const aff::Sides sides[] = {{1, 1, 1, 1, 1},    {3, 1, 1, 4, 4},   {5, 7, 5, 7, 5},
                              {17, 8, 8, 16, 16}, {2, 9, 31, 4, 64}, {7, 33, 5, 3, 2}};
  for (const aff::Sides& each : sides)
    if (!resized(each)) {
      std::printf("not finite: %ld x %ld\n", (long)each.height, (long)each.width);
      return 1;
    }
  std::printf("computed %d\n", count);
}
