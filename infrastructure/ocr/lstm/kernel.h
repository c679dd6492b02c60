#include <stdint.h>

// The layers of a line recogniser, in the order of their use.
enum { CONVOLUTION, COLUMN, FORTH, BACK, DEEP, OUTPUT, LAYERS };

enum { HEIGHT = 36, POOL = 3, LANES = 8 };

// Instruction sets that the products can use; each gives the same bits.
enum { PORTABLE, AVX2, AVX512 };

// matrix holds the weights of one layer, 16 outputs side by side for every pair of inputs.
struct matrix {
	int inputs;   // from the layer before
	int outputs;  // of the layer; a layer with memory has four rows of weights for each
	int rows;     // rows of weights, filled up to a multiple of 16
	int width;    // inputs and fed back outputs, filled up to an even number
	int16_t *weights;
	int32_t *bias;
	float *scale;
};

struct network {
	int instructions;
	struct matrix layers[LAYERS];
};

int best_instructions(void);

// set_layer copies weights (rows of width inputs and one bias) and scales. It returns 0 when
// there is no memory.
int set_layer(struct network *net, int layer, int inputs, int outputs, int rows, int width, const int8_t *weights, const double *scale);

void free_layers(struct network *net);

// forward recognises up to LANES strips that stand one after another in pixels, column by
// column, each HEIGHT high and a multiple of POOL wide. It writes the probabilities of all
// classes for every POOL columns, and returns 0 when there is no memory.
int forward(const struct network *net, int strips, const int *widths, const int8_t *pixels, float *out);
