// The fusion in two passes over the maps: the bottleneck's u and the means of z; then, once the
// statistics of the BatchNorms are known, the selection.
#include <algorithm>
#include <cmath>

#include "global_context.h"
#include "local_context.h"

namespace aff {

namespace {

class Forward {
 public:
  Forward(const Shape& shape, const Settings& settings, const Inputs& in, float* out, float* u,
          const Saved& saved, const Allocate& allocate)
      : s(shape), settings(settings), in(in), out(out), u(u), saved(saved),
        tiles(shape, moment_sums(shape)) {
    cut();
    const size_t bytes = arrays.used() * sizeof(float);
    arrays.in(static_cast<float*>(allocate(bytes)));
    cut();
    reduce_weight.pack(in.local.reduce, s.channels, 1);
  }

  void run() {
    const bool batch = *saved.training;
    if (!batch) {
      saved.use(s, settings, in.local_running, in.global_running);
      folded.fold(s, in.local, saved, scaled);
      if (tiles.chunks == 1) {  // an image goes through all passes while the caches have it
        tiles.each([&](int64_t number, int thread) {
          reduce(number, thread);
          pool(number);
          global_logits_of(s, in.global, saved, number, hidden + number * s.inner);
          select(number, thread);
        });
        return;
      }
    }
    tiles.each([&](int64_t number, int thread) { reduce(number, thread); });
    for (int64_t image = 0; image < s.images; ++image) pool(image);
    if (batch) {
      reduce_moments(s, settings, tiles, means, squares, saved, in.local_running);
      expand_moments(s, settings, tiles, in.local, u, saved, in.local_running, sums, scratch);
      folded.fold(s, in.local, saved, scaled);
    }
    global_logits(s, settings, in.global, saved, in.global_running, hidden);
    tiles.each([&](int64_t number, int thread) { select(number, thread); });
  }

 private:
  void cut() {
    reduce_weight = {arrays.take(Panels::size(s.inner, s.channels)), s.inner, s.channels};
    folded = Folded::take(&arrays, s);
    scaled = arrays.take(s.channels * s.inner);
    hidden = arrays.take(s.images * s.inner);
    totals = arrays.take(tiles.items * s.channels);
    means = arrays.take(tiles.items * s.inner);
    squares = arrays.take(tiles.items * s.inner);
    sums = arrays.take(tiles.groups * moment_sums(s));
    each = std::max((s.channels + s.inner) * tiles.ld, moment_scratch(s, tiles));
    scratch = arrays.take(omp_get_max_threads() * each);
  }

  // u = W1 z + b1, its moments in these positions, and the sum of z.
  void reduce(int64_t number, int thread) {
    const Item item = tiles.item(number);
    const int64_t maps = item.image * s.channels * s.positions;
    float* z = scratch + thread * each;
    float* to = u + item.image * s.inner * s.positions;
    float* total = totals + number * s.channels;
    std::fill(total, total + s.channels, 0.0f);
    tiles.of(item, [&](int64_t p, int64_t count) {
      for (int64_t c = 0; c < s.channels; ++c) {
        Vec added{};
        const int64_t row = maps + c * s.positions + p;
        for (int64_t at = 0; at < count; at += kLanes) {
          const int64_t some = count - at;
          fetch(row + at + kRows * s.positions, in.x, in.residual);
          const Vec value = in.z ? load(in.z + row + at, some)
                                 : load(in.x + row + at, some) + load(in.residual + row + at, some);
          store(z + c * tiles.ld + at, value);
          added += value;
        }
        total[c] += sum(added);
      }
      multiply(reduce_weight, z, tiles.ld, tiles.vectors(count), [&](int64_t i, int64_t v, Vec value) {
        store(to + i * s.positions + p + v * kLanes, value + in.local.reduce_bias[i],
              count - v * kLanes);
      });
    });
    if (!*saved.training) return;
    const int64_t length = item.end - item.begin;
    for (int64_t i = 0; i < s.inner; ++i) {
      const float* row = to + i * s.positions + item.begin;
      const float mean = mean_of(row, length);
      means[number * s.inner + i] = mean;
      squares[number * s.inner + i] = squares_about(mean, row, length);
    }
  }

  void pool(int64_t image) {
    for (int64_t c = 0; c < s.channels; ++c) {
      float total = 0;
      for (int64_t chunk = 0; chunk < tiles.chunks; ++chunk)
        total += totals[(image * tiles.chunks + chunk) * s.channels + c];
      saved.pooled[image * s.channels + c] = total / s.positions;
    }
  }

  void select(int64_t number, int thread) {
    const Item item = tiles.item(number);
    const int64_t maps = item.image * s.channels * s.positions;
    const float* from = u + item.image * s.inner * s.positions;
    const float* logits = saved.logits + item.image * s.channels;
    float* h = scratch + thread * each;
    tiles.of(item, [&](int64_t p, int64_t count) {
      hidden_tile(s, in.local, saved, from + p, count, tiles.ld, h);
      multiply_rows(folded.weight, h, tiles.ld, tiles.vectors(count), [&](int64_t c, int64_t v, Vec value) {
        const int64_t at = maps + c * s.positions + p + v * kLanes, some = count - v * kLanes;
        fetch(at + kRows * s.positions, in.x, in.residual, out);
        const Vec t = tanh_half(value + (folded.bias[c] + logits[c]));
        const Vec x = load(in.x + at, some), residual = load(in.residual + at, some);
        const Vec joined = ((x + residual) + t * (x - residual)) * settings.scale;
        store(out + at, settings.relu ? relu(joined) : joined, some);
      });
    });
  }

  const Shape s;
  const Settings settings;
  const Inputs in;
  float *out, *u;
  const Saved saved;
  const Tiles tiles;
  Arrays arrays;
  Panels reduce_weight;
  Folded folded;
  float *scaled, *hidden, *totals, *means, *squares, *sums, *scratch;
  int64_t each;  // floats of scratch by thread
};

}  // namespace

void forward(const Shape& shape, const Settings& settings, const Inputs& in, float* out, float* u,
             const Saved& saved, const Allocate& allocate) {
  Forward(shape, settings, in, out, u, saved, allocate).run();
}

}  // namespace aff
