/* What the text of a model includes, without a C library: what WebAssembly has as an instruction,
   and functions that the loader in JavaScript gives. */
#ifndef GRADC_WASM_MATH_H
#define GRADC_WASM_MATH_H

#define INFINITY (__builtin_inff())
#define NAN (__builtin_nanf(""))

static inline float fabsf(float x) { return __builtin_fabsf(x); }
static inline double fabs(double x) { return __builtin_fabs(x); }
static inline float sqrtf(float x) { return __builtin_sqrtf(x); }
static inline double sqrt(double x) { return __builtin_sqrt(x); }
static inline float floorf(float x) { return __builtin_floorf(x); }
static inline double floor(double x) { return __builtin_floor(x); }
static inline double rint(double x) { return __builtin_rint(x); }

#define GIVEN(name) __attribute__((import_module("math"), import_name(#name)))
#define OF_ONE(name) GIVEN(name) float name##f(float x); GIVEN(name) double name(double x);
OF_ONE(exp)
OF_ONE(expm1)
OF_ONE(log)
OF_ONE(log1p)
OF_ONE(tanh)
OF_ONE(erf)
OF_ONE(sin)
OF_ONE(cos)
GIVEN(pow) float powf(float x, float y);
GIVEN(pow) double pow(double x, double y);
GIVEN(fmod) double fmod(double x, double y);

#endif
