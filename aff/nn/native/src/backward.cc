// The gradients in three passes: A over the maps, up to the sums that the second BatchNorm's gradient
// needs; B over the bottleneck alone, up to those of the first; C over the maps.
#include <algorithm>

#include "global_context.h"
#include "local_gradients.h"

namespace aff {

namespace {

class Backward {
 public:
  Backward(const Shape& shape, const Settings& settings, const Inputs& in, const float* u,
           const Saved& saved, const float* d, const Gradients& gradients,
           const Allocate& allocate)
      : s(shape), settings(settings), in(in), u(u), saved(saved), d(d), gradients(gradients),
        width(padded(shape.inner, kLanes)), tiles(shape, shape.channels * width) {
    cut();
    const size_t bytes = arrays.used() * sizeof(float);
    arrays.in(static_cast<float*>(allocate(bytes)));
    cut();
  }

  void run() {
    folded.fold(s, in.local, saved, scaled);
    folded_back.pack(scaled, 1, s.inner);
    reduce_back.pack(in.local.reduce, 1, s.channels);

    clear(sums, tiles.groups * s.channels * width);
    tiles.in_groups([&](int64_t n, int64_t group, int thread) {
      weigh(n, sums + group * s.channels * width, thread);
    });
    gather(sums, s.channels * width);
    collect();
    expand_gradients(s, in.local, saved, total, sums, gradients.local, spread, square, scratch);
    global_gradients(s, in.global, saved, logits, pooled, gradients.global, hidden);

    tiles.each([&](int64_t n, int thread) { unhide(n, thread); });
    for (int64_t n = 1; n < tiles.items; ++n)
      for (int64_t i = 0; i < 2 * s.inner; ++i) norms[i] += norms[n * 2 * s.inner + i];
    reduce_gradients(s, in.local, saved, norms, norms + s.inner, gradients.local, slope, lean,
                     offset);

    clear(sums, tiles.groups * s.channels * width);
    tiles.in_groups([&](int64_t n, int64_t group, int thread) {
      spread_back(n, sums + group * s.channels * width, thread);
    });
    gather(sums, s.channels * width);
    for (int64_t i = 0; i < s.inner; ++i)
      for (int64_t c = 0; c < s.channels; ++c)
        gradients.local.reduce[i * s.channels + c] = sums[c * width + i];
  }

 private:
  void cut() {
    folded = Folded::take(&arrays, s);
    folded_back = {arrays.take(Panels::size(s.inner, s.channels)), s.inner, s.channels};
    reduce_back = {arrays.take(Panels::size(s.channels, s.inner)), s.channels, s.inner};
    spread = Spread::take(&arrays, s);
    scaled = arrays.take(s.channels * s.inner);
    square = arrays.take(s.inner * s.inner);
    y = arrays.take(s.images * s.inner * s.positions);
    sums = arrays.take(tiles.groups * s.channels * width);
    totals = arrays.take(tiles.items * s.channels);
    total = arrays.take(s.channels);
    logits = arrays.take(s.images * s.channels);
    pooled = arrays.take(s.images * s.channels);
    hidden = arrays.take(2 * s.images * s.inner);
    norms = arrays.take(tiles.items * 2 * s.inner);
    slope = arrays.take(s.inner);
    lean = arrays.take(s.inner);
    offset = arrays.take(s.inner);
    each = (s.channels + 2 * width) * tiles.ld + padded(tiles.width, kLanes) * width +
           s.channels * kLanes;
    scratch = arrays.take(omp_get_max_threads() * each);
  }

  static void clear(float* array, int64_t count) { std::fill(array, array + count, 0.0f); }

  // Adds up the sums of all groups into the first one's.
  void gather(float* array, int64_t count) {
#pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < count; ++k)
      for (int64_t group = 1; group < tiles.groups; ++group) array[k] += array[group * count + k];
  }

  // The gradient of the logits by image, and over all.
  void collect() {
    clear(total, s.channels);
    clear(logits, s.images * s.channels);
    for (int64_t n = 0; n < tiles.items; ++n)
      for (int64_t c = 0; c < s.channels; ++c) {
        logits[n / tiles.chunks * s.channels + c] += totals[n * s.channels + c];
        total[c] += totals[n * s.channels + c];
      }
  }

  // x - r, and the gradient of the selection with relu's and the scale's taken back.
  Vec taken(const Vec& x, const Vec& residual, const Vec& t, const Vec& given) const {
    if (!settings.relu) return given * settings.scale;
    return where_active((x + residual) + t * (x - residual), given * settings.scale);
  }

  // Pass A: t (into the gradient of x, unless all is known), sum dz, M += dz h^T, and y = A^T dz.
  void weigh(int64_t number, float* along, int thread) {
    const Item item = tiles.item(number);
    const int64_t maps = item.image * s.channels * s.positions;
    const int64_t inner = item.image * s.inner * s.positions;
    const float* image_logits = saved.logits + item.image * s.channels;
    float* dz = scratch + thread * each;
    float* h = dz + s.channels * tiles.ld;
    float* columns = h + width * tiles.ld;
    float* added = columns + padded(tiles.width, kLanes) * width;
    clear(added, s.channels * kLanes);
    tiles.of(item, [&](int64_t p, int64_t count) {
      hidden_tile(s, in.local, saved, u + inner + p, count, tiles.ld, h);
      multiply_rows(folded.weight, h, tiles.ld, tiles.vectors(count), [&](int64_t c, int64_t v, Vec value) {
        const int64_t at = maps + c * s.positions + p + v * kLanes, some = count - v * kLanes;
        fetch(at + kRows * s.positions, in.x, in.residual, d, gradients.x);
        const Vec t = tanh_half(value + (folded.bias[c] + image_logits[c]));
        const Vec x = load(in.x + at, some), residual = load(in.residual + at, some);
        const Vec given = taken(x, residual, t, load(d + at, some));
        const Vec result = given * (x - residual) * (1.0f - t * t) * 0.5f;
        store(dz + c * tiles.ld + v * kLanes, result);
        store(added + c * kLanes, load(added + c * kLanes) + result);
        if (in.z) {
          store(gradients.x + at, given * (1.0f + t), some);
          store(gradients.residual + at, given * (1.0f - t), some);
        } else {
          store(gradients.x + at, t, some);
        }
      });
      add_product(dz, s.channels, h, s.inner, tiles.ld, count, columns, along);
      multiply(folded_back, dz, tiles.ld, tiles.vectors(count), [&](int64_t i, int64_t v, Vec value) {
        store(y + inner + i * s.positions + p + v * kLanes, value, count - v * kLanes);
      });
    });
    for (int64_t c = 0; c < s.channels; ++c)
      totals[number * s.channels + c] = sum(load(added + c * kLanes));
  }

  // Pass B: dh with relu's mask into y, and the sums of the first BatchNorm's gradient.
  void unhide(int64_t number, int thread) {
    const Item item = tiles.item(number);
    const int64_t inner = item.image * s.inner * s.positions;
    float* h = scratch + thread * each;
    float* before = h + width * tiles.ld;
    float* sum_of = norms + number * 2 * s.inner;
    clear(sum_of, 2 * s.inner);
    tiles.of(item, [&](int64_t p, int64_t count) {
      hidden_tile(s, in.local, saved, u + inner + p, count, tiles.ld, h, before);
      multiply(spread.weight, h, tiles.ld, tiles.vectors(count), [&](int64_t i, int64_t v, Vec value) {
        const int64_t at = inner + i * s.positions + p + v * kLanes, some = count - v * kLanes;
        const Vec dh = load(y + at, some) - spread.shift[i] - value;
        store(y + at, where_active(load(before + i * tiles.ld + v * kLanes), dh), some);
      });
      for (int64_t i = 0; i < s.inner; ++i) {
        Vec one{}, other{};
        for (int64_t k = 0; k < count; k += kLanes) {
          const int64_t at = inner + i * s.positions + p + k;
          const Vec dh = load(y + at, count - k);
          one += dh;
          other += dh * ((load(u + at, count - k) - saved.mean1[i]) * saved.inverse1[i]);
        }
        sum_of[i] += sum(one);
        sum_of[s.inner + i] += sum(other);
      }
    });
  }

  // Pass C: du, the gradient of W1, and those of the maps.
  void spread_back(int64_t number, float* along, int thread) {
    const Item item = tiles.item(number);
    const int64_t maps = item.image * s.channels * s.positions;
    const int64_t inner = item.image * s.inner * s.positions;
    const float* means = pooled + item.image * s.channels;
    float* z = scratch + thread * each;
    float* du = z + s.channels * tiles.ld;
    float* columns = du + width * tiles.ld;
    tiles.of(item, [&](int64_t p, int64_t count) {
      for (int64_t i = 0; i < s.inner; ++i)
        for (int64_t k = 0; k < count; k += kLanes) {
          const int64_t at = inner + i * s.positions + p + k;
          const Vec normal = load(u + at, count - k) - saved.mean1[i];
          store(du + i * tiles.ld + k,
                load(y + at, count - k) * slope[i] + normal * lean[i] + offset[i]);
        }
      for (int64_t c = 0; c < s.channels; ++c)
        for (int64_t k = 0; k < count; k += kLanes) {
          const int64_t at = maps + c * s.positions + p + k, some = count - k;
          fetch(at + kRows * s.positions, in.x, in.residual);
          store(z + c * tiles.ld + k, in.z ? load(in.z + at, some)
                                           : load(in.x + at, some) + load(in.residual + at, some));
        }
      add_product(z, s.channels, du, s.inner, tiles.ld, count, columns, along);
      multiply_rows(reduce_back, du, tiles.ld, tiles.vectors(count), [&](int64_t c, int64_t v, Vec value) {
        const int64_t at = maps + c * s.positions + p + v * kLanes, some = count - v * kLanes;
        const Vec dz = value + means[c] / s.positions;
        if (in.z) return store(gradients.z + at, dz, some);
        fetch(at + kRows * s.positions, in.x, in.residual, d, gradients.x, gradients.residual);
        const Vec t = load(gradients.x + at, some);
        const Vec x = load(in.x + at, some), residual = load(in.residual + at, some);
        const Vec given = taken(x, residual, t, load(d + at, some));
        store(gradients.x + at, given * (1.0f + t) + dz, some);
        store(gradients.residual + at, given * (1.0f - t) + dz, some);
      });
    });
  }

  const Shape s;
  const Settings settings;
  const Inputs in;
  const float* u;
  const Saved saved;
  const float* d;
  const Gradients gradients;
  const int64_t width;  // the bottleneck's channels, padded
  const Tiles tiles;
  Arrays arrays;
  Folded folded;
  Panels folded_back, reduce_back;
  Spread spread;
  float *scaled, *square, *y, *sums, *totals, *total, *logits, *pooled, *hidden, *norms;
  float *slope, *lean, *offset, *scratch;
  int64_t each;  // floats of scratch by thread
};

}  // namespace

void backward(const Shape& shape, const Settings& settings, const Inputs& in, const float* u,
              const Saved& saved, const float* out_gradient, const Gradients& gradients,
              const Allocate& allocate) {
  Backward(shape, settings, in, u, saved, out_gradient, gradients, allocate).run();
}

}  // namespace aff
