/* NAME: a model on an NVIDIA GPU, by the driver alone.  Written by gradc.

   A step of the model is one graph of launches, made when the model is opened.  Kernels are in the
   library as machine code for compute capability 8.x and 9.0, and as PTX for all other GPUs. */

#include "NAME_gpu.h"
#include <stdlib.h>
#include <string.h>

#define TRY(call) do { CUresult code_ = (call); if (code_ != CUDA_SUCCESS) return (int)code_; } while (0)

struct code { size_t sm80, sm80_bytes, sm90, sm90_bytes, ptx; };
struct number { long long value; int moves; };
struct node { int kernel, blocks, threads, first, count, table, waits, waited; };

extern const unsigned char NAME_blob[];
__asm__(".section .rodata\n.balign 64\n.globl NAME_blob\n.hidden NAME_blob\nNAME_blob:\n"
        ".incbin \"NAME_gpu.bin\"\n.byte 0\n.balign 64\n.text\n");

DATA

struct NAME_gpu {
    CUdevice device;
    CUcontext context;
    CUdeviceptr memory, table;
    CUlibrary libraries[KERNELS];
    CUfunction functions[KERNELS];
    CUgraphExec graph;
};

static long long placed(const struct NAME_gpu *model, struct number number) {
    return number.value + (number.moves ? (long long)(model->memory / 4) : 0);
}

static int load(struct NAME_gpu *model, int major) {
    for (int k = 0; k < KERNELS; k++) {
        struct code code = codes[k];
        const unsigned char *text = NAME_blob + code.ptx;
        if (major == 8 && code.sm80_bytes) text = NAME_blob + code.sm80;
        if (major == 9 && code.sm90_bytes) text = NAME_blob + code.sm90;
        CUresult found = cuLibraryLoadData(&model->libraries[k], text, 0, 0, 0, 0, 0, 0);
        if (found == CUDA_ERROR_NO_BINARY_FOR_GPU)  /* PTX is for all */
            found = cuLibraryLoadData(&model->libraries[k], NAME_blob + code.ptx, 0, 0, 0, 0, 0, 0);
        if (found != CUDA_SUCCESS) return (int)found;
        CUkernel kernel;
        TRY(cuLibraryGetKernel(&kernel, model->libraries[k], names[k]));
        TRY(cuKernelGetFunction(&model->functions[k], kernel));
    }
    return 0;
}

static int fill(struct NAME_gpu *model) {
    TRY(cuMemAlloc(&model->memory, WORDS * (size_t)4));
    TRY(cuMemsetD8(model->memory, 0, WORDS * (size_t)4));
    TRY(cuMemcpyHtoD(model->memory, NAME_blob + FILLED, FILLED_BYTES));
    long long *own = malloc((TABLE + 1) * sizeof *own);
    if (!own) return (int)CUDA_ERROR_OUT_OF_MEMORY;
    for (int k = 0; k < TABLE; k++) own[k] = placed(model, numbers[k]);
    CUresult code = cuMemAlloc(&model->table, (TABLE + 1) * sizeof *own);
    if (code == CUDA_SUCCESS && TABLE) code = cuMemcpyHtoD(model->table, own, TABLE * sizeof *own);
    free(own);
    return (int)code;
}

static int add(struct NAME_gpu *model, CUgraph graph, CUgraphNode *made, int k) {
    struct node node = nodes[k];
    long long values[MOST_PARAMETERS];
    void *places[MOST_PARAMETERS];
    CUgraphNode before[MOST_WAITS];
    for (int j = 0; j < node.count; j++) {
        values[j] = j == node.table ? (long long)model->table : placed(model, parameters[node.first + j]);
        places[j] = &values[j];
    }
    for (int j = 0; j < node.waited; j++) before[j] = made[edges[node.waits + j]];
    CUDA_KERNEL_NODE_PARAMS given;
    memset(&given, 0, sizeof given);
    given.func = model->functions[node.kernel];
    given.gridDimX = (unsigned)node.blocks, given.gridDimY = given.gridDimZ = 1;
    given.blockDimX = (unsigned)node.threads, given.blockDimY = given.blockDimZ = 1;
    given.kernelParams = places;
    TRY(cuGraphAddKernelNode(&made[k], graph, before, (size_t)node.waited, &given));
    return 0;
}

static int begin(struct NAME_gpu *model, int device) {
    int major = 0, code;
    TRY(cuInit(0));
    TRY(cuDeviceGet(&model->device, device));
    TRY(cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, model->device));
    TRY(cuDevicePrimaryCtxRetain(&model->context, model->device));
    TRY(cuCtxSetCurrent(model->context));
    if ((code = load(model, major)) || (code = fill(model))) return code;
    CUgraph graph;
    CUgraphNode made[NODES];
    TRY(cuGraphCreate(&graph, 0));
    for (int k = 0; k < NODES && !code; k++) code = add(model, graph, made, k);
    if (!code) code = (int)cuGraphInstantiate(&model->graph, graph, 0);
    cuGraphDestroy(graph);
    return code;
}

int NAME_gpu_open(int device, NAME_gpu **opened) {
    NAME_gpu *model = calloc(1, sizeof *model);
    *opened = 0;
    if (!model) return (int)CUDA_ERROR_OUT_OF_MEMORY;
    int code = begin(model, device);
    if (code) NAME_gpu_close(model);
    else *opened = model;
    return code;
}

void NAME_gpu_close(NAME_gpu *model) {
    if (!model) return;
    if (model->context) cuCtxSetCurrent(model->context);
    if (model->graph) cuGraphExecDestroy(model->graph);
    if (model->memory) cuMemFree(model->memory);
    if (model->table) cuMemFree(model->table);
    for (int k = 0; k < KERNELS; k++)
        if (model->libraries[k]) cuLibraryUnload(model->libraries[k]);
    if (model->context) cuDevicePrimaryCtxRelease(model->device);
    free(model);
}

int NAME_gpu_run(NAME_gpu *model, ARGUMENTS, size_t n, CUstream stream) {
    TRY(cuCtxSetCurrent(model->context));
    for (size_t row = 0; row < n; row += BATCH) {
        size_t rows = n - row < BATCH ? n - row : BATCH;
INPUTS
        TRY(cuGraphLaunch(model->graph, stream));
OUTPUTS
    }
    return 0;
}
