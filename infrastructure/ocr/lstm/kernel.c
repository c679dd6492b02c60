#include "kernel.h"

// No lane may wait for a comparison; what is computed stays the same.
#pragma GCC optimize("no-trapping-math", "finite-math-only", "no-signed-zeros")

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define ON_AVX2 __attribute__((target("avx2")))
#define ON_AVX512 __attribute__((target("avx512f,avx512bw,avx512vnni")))
#endif

#define INLINE static inline __attribute__((always_inline))

enum { BLOCK = 16, UNIT = 127, MOST = 256 }; // MOST: outputs of a layer with memory

int best_instructions(void) {
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
		return AVX512;
	if (__builtin_cpu_supports("avx2"))
		return AVX2;
#endif
	return PORTABLE;
}

int set_layer(struct network *net, int layer, int inputs, int outputs, int rows, int width, const int8_t *weights, const double *scale) {
	struct matrix *m = &net->layers[layer];
	m->inputs = inputs;
	m->outputs = outputs;
	m->rows = (rows + BLOCK - 1) / BLOCK * BLOCK;
	m->width = (width + 1) / 2 * 2;
	m->weights = aligned_alloc(64, sizeof(int16_t) * m->rows * m->width);
	m->bias = calloc(m->rows, sizeof *m->bias);
	m->scale = calloc(m->rows, sizeof *m->scale);
	if (m->weights == NULL || m->bias == NULL || m->scale == NULL)
		return 0;
	memset(m->weights, 0, sizeof(int16_t) * m->rows * m->width);
	for (int r = 0; r < rows; r++) {
		const int8_t *row = weights + r * (width + 1);
		int16_t *block = m->weights + r / BLOCK * BLOCK * m->width;
		for (int i = 0; i < width; i++)
			block[(i / 2 * BLOCK + r % BLOCK) * 2 + i % 2] = row[i];
		m->bias[r] = UNIT * row[width];
		m->scale[r] = (float)(scale[r] / UNIT);
	}
	return 1;
}

void free_layers(struct network *net) {
	for (int i = 0; i < LAYERS; i++) {
		free(net->layers[i].weights);
		free(net->layers[i].bias);
		free(net->layers[i].scale);
	}
}

// The products of a layer's weights with LANES vectors of inputs. All sums are of whole
// numbers, so that the order does not matter.

static void product_portable(const struct matrix *m, const int16_t *x, int32_t *out) {
	for (int r = 0; r < m->rows; r += BLOCK) {
		const int16_t *block = m->weights + r * m->width;
		for (int b = 0; b < LANES; b++) {
			int32_t sum[BLOCK];
			memcpy(sum, m->bias + r, sizeof sum);
			for (int i = 0; i < m->width; i += 2) {
				int32_t left = x[b * m->width + i], right = x[b * m->width + i + 1];
				for (int k = 0; k < BLOCK; k++)
					sum[k] += block[(i / 2 * BLOCK + k) * 2] * left + block[(i / 2 * BLOCK + k) * 2 + 1] * right;
			}
			memcpy(out + b * m->rows + r, sum, sizeof sum);
		}
	}
}

#if defined(__x86_64__)
ON_AVX2 static void product_avx2(const struct matrix *m, const int16_t *x, int32_t *out) {
	const int pairs = m->width / 2;
	for (int r = 0; r < m->rows; r += BLOCK / 2) {
		const int16_t *w = m->weights + r / BLOCK * BLOCK * m->width + r % BLOCK * 2;
		__m256i sum[LANES];
		for (int b = 0; b < LANES; b++)
			sum[b] = _mm256_loadu_si256((const __m256i *)(m->bias + r));
		for (int p = 0; p < pairs; p++, w += 2 * BLOCK) {
			const __m256i weights = _mm256_load_si256((const __m256i *)w);
#pragma GCC unroll 8
			for (int b = 0; b < LANES; b++) {
				int32_t pair;
				memcpy(&pair, x + b * m->width + 2 * p, sizeof pair);
				sum[b] = _mm256_add_epi32(sum[b], _mm256_madd_epi16(weights, _mm256_set1_epi32(pair)));
			}
		}
		for (int b = 0; b < LANES; b++)
			_mm256_storeu_si256((__m256i *)(out + b * m->rows + r), sum[b]);
	}
}

ON_AVX512 static void product_avx512(const struct matrix *m, const int16_t *x, int32_t *out) {
	const int pairs = m->width / 2;
	const int16_t *w = m->weights;
	for (int r = 0; r < m->rows; r += BLOCK) {
		__m512i sum[LANES];
		for (int b = 0; b < LANES; b++)
			sum[b] = _mm512_loadu_si512(m->bias + r);
		for (int p = 0; p < pairs; p++, w += 2 * BLOCK) {
			const __m512i weights = _mm512_load_si512(w);
#pragma GCC unroll 8
			for (int b = 0; b < LANES; b++) {
				int32_t pair;
				memcpy(&pair, x + b * m->width + 2 * p, sizeof pair);
				sum[b] = _mm512_dpwssd_epi32(sum[b], weights, _mm512_set1_epi32(pair));
			}
		}
		for (int b = 0; b < LANES; b++)
			_mm512_storeu_si512(out + b * m->rows + r, sum[b]);
	}
}
#endif

static void product(const struct network *net, const struct matrix *m, const int16_t *x, int32_t *out) {
#if defined(__x86_64__)
	if (net->instructions == AVX512)
		return product_avx512(m, x, out);
	if (net->instructions == AVX2)
		return product_avx2(m, x, out);
#endif
	product_portable(m, x, out);
}

// exponential of x to seven digits, in operations that a compiler can do on many lanes: the
// power of two nearest to it, and a series for the rest.
INLINE float exponential(float x) {
	x *= 1.44269504f;
	x = x > 126 ? 126 : x;
	x = x < -126 ? -126 : x;
	int32_t whole = (int32_t)(x + (x < 0 ? -0.5f : 0.5f));
	float f = x - (float)whole;
	float series = 1 + f * (0.693147181f + f * (0.240226507f + f * (0.0555041087f + f * (0.00961812911f + f * (0.00133335581f + f * 0.000154035304f)))));
	union { int32_t i; float f; } power = {(whole + 127) << 23};
	return series * power.f;
}

INLINE float logistic(float x) { return 1 / (1 + exponential(-x)); }

INLINE float hyperbolic(float x) { return 1 - 2 / (1 + exponential(2 * x)); }

INLINE int16_t quantised(float x) { // -1 to 1
	x *= UNIT;
	return (int16_t)(x + (x < 0 ? -0.5f : 0.5f));
}

// remember updates one cell of memory for each output: candidate, input gate, forget gate,
// output gate.
INLINE void remember(const struct matrix *m, const int32_t *sums, float *restrict state, int16_t *restrict out) {
	const int n = m->outputs;
	const float *scale = m->scale;
	for (int i = 0; i < n; i++) {
		float candidate = hyperbolic(sums[i] * scale[i]);
		float in = logistic(sums[n + i] * scale[n + i]);
		float keep = logistic(sums[2 * n + i] * scale[2 * n + i]);
		float show = logistic(sums[3 * n + i] * scale[3 * n + i]);
		float s = keep * state[i] + candidate * in;
		s = s > 100 ? 100 : s;
		s = s < -100 ? -100 : s;
		state[i] = s;
		out[i] = quantised(hyperbolic(s) * show);
	}
}

INLINE void squash(const struct matrix *m, const int32_t *sums, int16_t *restrict out) {
	for (int i = 0; i < BLOCK; i++)
		out[i] = quantised(hyperbolic(sums[i] * m->scale[i]));
}

INLINE void probabilities(const struct matrix *m, const int32_t *sums, float *restrict out) {
	const int n = m->outputs;
	float most = sums[0] * m->scale[0], total = 0;
	for (int i = 0; i < n; i++) {
		out[i] = sums[i] * m->scale[i];
		most = out[i] > most ? out[i] : most;
	}
	for (int i = 0; i < n; i++)
		out[i] = exponential(out[i] - most);
	for (int i = 0; i < n; i++)
		total += out[i];
	for (int i = 0; i < n; i++)
		out[i] /= total;
}

#if defined(__x86_64__)
#define WIDE(name, parameters, arguments)                                  \
	ON_AVX2 static void name##_avx2 parameters { name arguments; }         \
	ON_AVX512 static void name##_avx512 parameters { name arguments; }     \
	static void name##_portable parameters { name arguments; }
#define USE(net, name, arguments)             \
	do {                                      \
		if ((net)->instructions == AVX512)    \
			name##_avx512 arguments;          \
		else if ((net)->instructions == AVX2) \
			name##_avx2 arguments;            \
		else                                  \
			name##_portable arguments;        \
	} while (0)
#else
#define WIDE(name, parameters, arguments) static void name##_portable parameters { name arguments; }
#define USE(net, name, arguments) name##_portable arguments
#endif

WIDE(remember, (const struct matrix *m, const int32_t *sums, float *state, int16_t *out), (m, sums, state, out))
WIDE(squash, (const struct matrix *m, const int32_t *sums, int16_t *out), (m, sums, out))
WIDE(probabilities, (const struct matrix *m, const int32_t *sums, float *out), (m, sums, out))

// pool writes, for one strip, the largest of each output of the convolution over squares of
// POOL pixels. Outside the strip is paper.
static void pool(const struct network *net, const int8_t *pixels, int width, int16_t *out) {
	const struct matrix *m = &net->layers[CONVOLUTION];
	int16_t x[LANES * 16] = {0};
	int32_t sums[LANES * BLOCK], most[BLOCK];
	for (int left = 0; left + POOL <= width; left += POOL)
		for (int top = 0; top + POOL <= HEIGHT; top += POOL, out += BLOCK) {
			for (int i = 0; i < POOL * POOL; i++) {
				int lane = i % LANES;
				int16_t *to = x + lane * m->width;
				for (int dx = -1; dx <= 1; dx++)
					for (int dy = -1; dy <= 1; dy++) {
						int px = left + i / POOL + dx, py = top + i % POOL + dy;
						*to++ = px < 0 || py < 0 || px >= width || py >= HEIGHT ? UNIT : pixels[px * HEIGHT + py];
					}
				if (lane < LANES - 1 && i < POOL * POOL - 1)
					continue;
				product(net, m, x, sums);
				for (int b = 0; b <= lane; b++)
					for (int k = 0; k < BLOCK; k++)
						most[k] = (i < LANES && b == 0) || sums[b * BLOCK + k] > most[k] ? sums[b * BLOCK + k] : most[k];
			}
			USE(net, squash, (m, most, out));
		}
}

// recall runs a layer with memory over sequences that stand one after another; of each, all
// outputs are kept or only the last.
static void recall(const struct network *net, int layer, int sequences, const int *steps, int back, int last, const int16_t *in, int16_t *out) {
	const struct matrix *m = &net->layers[layer];
	int16_t x[LANES * 2 * MOST];
	int32_t sums[LANES * 4 * MOST];
	float state[LANES * MOST];
	for (int from = 0; from < sequences; from += LANES) {
		const int lanes = sequences - from < LANES ? sequences - from : LANES;
		const int16_t *source[LANES];
		int16_t *target[LANES];
		int longest = 0;
		for (int b = 0; b < lanes; b++) {
			source[b] = in;
			target[b] = out;
			in += steps[from + b] * m->inputs;
			out += (last ? 1 : steps[from + b]) * m->outputs;
			longest = steps[from + b] > longest ? steps[from + b] : longest;
		}
		memset(x, 0, sizeof x);
		memset(state, 0, sizeof state);
		for (int t = 0; t < longest; t++) {
			for (int b = 0; b < lanes; b++)
				if (t < steps[from + b])
					memcpy(x + b * m->width, source[b] + (back ? steps[from + b] - 1 - t : t) * m->inputs, m->inputs * sizeof *x);
			product(net, m, x, sums);
			for (int b = 0; b < lanes; b++) {
				if (t >= steps[from + b])
					continue;
				int16_t *h = x + b * m->width + m->inputs;
				USE(net, remember, (m, sums + b * m->rows, state + b * MOST, h));
				int at = last ? 0 : back ? steps[from + b] - 1 - t : t;
				memcpy(target[b] + at * m->outputs, h, m->outputs * sizeof *h);
			}
		}
	}
}

int forward(const struct network *net, int strips, const int *widths, const int8_t *pixels, float *out) {
	const struct matrix *layers = net->layers;
	int steps[LANES], total = 0;
	for (int i = 0; i < strips; i++)
		total += steps[i] = widths[i] / POOL;
	const int rows = HEIGHT / POOL;
	int16_t *pooled = malloc(sizeof(int16_t) * (size_t)(total + 1) * rows * BLOCK);
	int16_t *one = calloc((size_t)(total + LANES), sizeof(int16_t) * MOST);
	int16_t *other = calloc((size_t)(total + LANES), sizeof(int16_t) * MOST);
	int *heights = malloc(sizeof(int) * (total + 1));
	int32_t *sums = malloc(sizeof(int32_t) * LANES * layers[OUTPUT].rows);
	int ok = pooled != NULL && one != NULL && other != NULL && heights != NULL && sums != NULL;
	if (ok) {
		int16_t *to = pooled;
		for (int i = 0; i < strips; i++) {
			pool(net, pixels, widths[i], to);
			pixels += widths[i] * HEIGHT;
			to += steps[i] * rows * BLOCK;
		}
		for (int i = 0; i < total; i++)
			heights[i] = rows;
		recall(net, COLUMN, total, heights, 0, 1, pooled, one);
		recall(net, FORTH, strips, steps, 0, 0, one, other);
		recall(net, BACK, strips, steps, 1, 0, other, one);
		recall(net, DEEP, strips, steps, 0, 0, one, other);
		const struct matrix *m = &layers[OUTPUT];
		for (int t = 0; t < total; t += LANES) {
			product(net, m, other + t * m->width, sums);
			for (int b = 0; b < LANES && t + b < total; b++)
				USE(net, probabilities, (m, sums + b * m->rows, out + (t + b) * m->outputs));
		}
	}
	free(pooled);
	free(one);
	free(other);
	free(heights);
	free(sums);
	return ok;
}
