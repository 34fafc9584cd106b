/* NAME on an NVIDIA GPU; written by gradc.  Link with -lcuda.  Each function gives 0, or a CUresult
   of <cuda.h>.  NAME_gpu_run reads and writes rows of one example each, on the host or the device;
   what it asks for is done in the order of the stream.  A model is used by one thread at a time. */
#ifndef MACRO_GPU_H
#define MACRO_GPU_H
#include <stddef.h>
#include <cuda.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct NAME_gpu NAME_gpu;
int NAME_gpu_open(int device, NAME_gpu **model);
int NAME_gpu_run(NAME_gpu *model, ARGUMENTS, size_t n, CUstream stream);
void NAME_gpu_close(NAME_gpu *model);
#ifdef __cplusplus
}
#endif
#endif
