// Vectors of the processor that this is compiled for: AVX-512, AVX2 or, elsewhere, four lanes.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace aff {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kPanel = 4;  // vectors of a register tile, beside each other
constexpr int kRows = 4;   // and its rows: 16 sums of 32 registers
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kPanel = 2;
constexpr int kRows = 4;
#else
constexpr int kLanes = 4;
constexpr int kPanel = 2;
constexpr int kRows = 4;
#endif

// Loops over the registers of a tile, which must not become arrays in memory.
#define AFF_UNROLL _Pragma("GCC unroll 16")

typedef float Vec __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Bits __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Vec load(const float* from) {
  Vec value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline void store(float* to, Vec value) { std::memcpy(to, &value, sizeof value); }

// The first `count` lanes; the others are 0, and not written.
inline Vec load(const float* from, int64_t count) {
  if (count >= kLanes) return load(from);
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#else
  Vec value{};
  for (int64_t lane = 0; lane < count; ++lane) value[lane] = from[lane];
  return value;
#endif
}

inline void store(float* to, Vec value, int64_t count) {
  if (count >= kLanes) return store(to, value);
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)value);
#else
  for (int64_t lane = 0; lane < count; ++lane) to[lane] = value[lane];
#endif
}

// Keeps a value that is used several times from being read several times.
inline Vec in_register(Vec value) {
#if defined(__x86_64__)
  asm("" : "+v"(value));
#endif
  return value;
}

// Asks for what will be used soon; any address will do.
template <class... Arrays>
inline void fetch(int64_t at, const Arrays*... arrays) {
  (__builtin_prefetch(arrays + at), ...);
}

inline Vec all(float value) { return value - Vec{}; }

// Comparisons are written so that NaN comes out wherever it goes in.
inline Vec relu(Vec x) { return x < Vec{} ? Vec{} : x; }

// The gradient of relu, where its input is `x`.
inline Vec where_active(Vec x, Vec gradient) { return x <= Vec{} ? Vec{} : gradient; }

// exp(x) for x <= 0, to 1e-7: 2^k exp(r) with |r| <= ln(2)/2 (Cephes' polynomial).
inline Vec exp_negative(Vec x) {
  const Vec magic = all(12582912.0f);  // 1.5 2^23: adding it rounds, and leaves k in the low bits
  x = x < all(-87.0f) ? all(-87.0f) : x;
  const Vec shifted = x * 1.44269504f + magic;
  const Vec k = shifted - magic;
  const Vec r = x - k * 0.693359375f + k * 2.12194440e-4f;
  Vec p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Bits power = ((Bits)shifted - (Bits)magic + 127) << 23;
  return p * (Vec)power;
}

// tanh(z / 2) = 2 sigmoid(z) - 1
inline Vec tanh_half(Vec z) {
  const Vec e = exp_negative(z < Vec{} ? z : -z);
  const Vec t = (1.0f - e) / (1.0f + e);
  return z < Vec{} ? -t : t;
}

// Lanes i and i + width of two rows change places, for every i without the bit `width`: in rounds of
// width = kLanes / 2, ..., 1 that transposes kLanes rows.
inline void exchange(Vec* a, Vec* b, int width) {
#if defined(__GNUC__) && !defined(__clang__)
  Bits lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  const Bits upper = (lane & width) != 0;
  const Vec low = __builtin_shuffle(*a, *b, upper ? lane - width + kLanes : lane);
  *b = __builtin_shuffle(*a, *b, upper ? lane + kLanes : lane + width);
  *a = low;
#else
  for (int i = 0; i < kLanes; ++i)
    if (!(i & width)) {
      const float value = (*a)[i + width];
      (*a)[i + width] = (*b)[i];
      (*b)[i] = value;
    }
#endif
}

// Turns kLanes rows of kLanes values (`ld` apart) into columns (`ldo` apart).
inline void transpose(const float* rows, int64_t ld, float* columns, int64_t ldo) {
  Vec row[kLanes];
  for (int i = 0; i < kLanes; ++i) row[i] = load(rows + i * ld);
  AFF_UNROLL
  for (int width = kLanes / 2; width; width /= 2)
    AFF_UNROLL
    for (int i = 0; i < kLanes; ++i)
      if (!(i & width)) exchange(row + i, row + i + width, width);
  for (int i = 0; i < kLanes; ++i) store(columns + i * ldo, row[i]);
}

// The sums over the lanes of kLanes vectors, which are overwritten.
inline Vec sums(Vec* row) {
  AFF_UNROLL
  for (int width = kLanes / 2; width; width /= 2)
    AFF_UNROLL
    for (int i = 0; i < width; ++i) {
      exchange(row + i, row + i + width, width);
      row[i] += row[i + width];
    }
  return row[0];
}

// The sum over the lanes.
inline float sum(Vec value) {
  float lanes[kLanes];
  store(lanes, value);
  for (int width = kLanes / 2; width; width /= 2)
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}

}  // namespace aff
