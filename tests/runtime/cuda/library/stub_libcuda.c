/* NVIDIA's driver as a library calls it: memory is the host's, and kernels do nothing.
   STUB_FAILS names a function that fails, without the version that cuda.h gives it. */
#include <cuda.h>
#include <stdlib.h>
#include <string.h>

int stub_launches, stub_nodes, stub_edges, stub_memory, stub_libraries;
size_t stub_copied, stub_parameters;

static CUresult answer(const char *name) {
    const char *planted = getenv("STUB_FAILS");
    return planted && *planted && !strncmp(planted, name, strlen(planted)) ? CUDA_ERROR_UNKNOWN : CUDA_SUCCESS;
}
#define FAIL CUresult code_ = answer(__func__); if (code_ != CUDA_SUCCESS) return code_

CUresult cuInit(unsigned flags) { FAIL; return (CUresult)(flags * 0); }
CUresult cuDeviceGet(CUdevice *device, int number) { FAIL; *device = number; return 0; }
CUresult cuDeviceGetAttribute(int *found, CUdevice_attribute what, CUdevice device) {
    FAIL; *found = 9 + 0 * ((int)what + device); return 0;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    FAIL; *context = (CUcontext)(size_t)(device + 1); return 0;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice device) { FAIL; return (CUresult)(0 * device); }
CUresult cuCtxSetCurrent(CUcontext context) { FAIL; return context ? 0 : CUDA_ERROR_INVALID_CONTEXT; }
CUresult cuLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *a, void **b,
                           unsigned c, CUlibraryOption *d, void **e, unsigned f) {
    FAIL; (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
    stub_libraries++; *library = (CUlibrary)code; return 0;
}
CUresult cuLibraryUnload(CUlibrary library) { FAIL; (void)library; stub_libraries--; return 0; }
CUresult cuLibraryGetKernel(CUkernel *kernel, CUlibrary library, const char *name) {
    FAIL; (void)library; *kernel = (CUkernel)name; return 0;
}
CUresult cuKernelGetFunction(CUfunction *function, CUkernel kernel) {
    FAIL; *function = (CUfunction)kernel; return 0;
}
CUresult cuMemAlloc(CUdeviceptr *found, size_t size) {
    FAIL; stub_memory++; *found = (CUdeviceptr)malloc(size); return 0;
}
CUresult cuMemFree(CUdeviceptr memory) { FAIL; stub_memory--; free((void *)memory); return 0; }
CUresult cuMemsetD8(CUdeviceptr memory, unsigned char value, size_t size) {
    FAIL; memset((void *)memory, value, size); return 0;
}
CUresult cuMemcpyHtoD(CUdeviceptr target, const void *source, size_t size) {
    FAIL; memcpy((void *)target, source, size); return 0;
}
CUresult cuMemcpyAsync(CUdeviceptr target, CUdeviceptr source, size_t size, CUstream stream) {
    FAIL; (void)stream; memcpy((void *)target, (void *)source, size); stub_copied += size; return 0;
}
CUresult cuGraphCreate(CUgraph *graph, unsigned flags) { FAIL; *graph = (CUgraph)(size_t)(flags + 1); return 0; }
CUresult cuGraphAddKernelNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *before, size_t count,
                              const CUDA_KERNEL_NODE_PARAMS *given) {
    FAIL; (void)graph;
    for (size_t k = 0; k < count; k++) if ((size_t)before[k] > (size_t)stub_nodes) return CUDA_ERROR_INVALID_VALUE;
    if (!given->func || !given->gridDimX || !given->blockDimX || !given->kernelParams[0]) return CUDA_ERROR_INVALID_VALUE;
    stub_edges += (int)count;
    *node = (CUgraphNode)(size_t)++stub_nodes;
    return 0;
}
CUresult cuGraphInstantiate(CUgraphExec *made, CUgraph graph, unsigned long long flags) {
    FAIL; (void)flags; *made = (CUgraphExec)graph; return 0;
}
CUresult cuGraphDestroy(CUgraph graph) { FAIL; (void)graph; return 0; }
CUresult cuGraphExecDestroy(CUgraphExec graph) { FAIL; (void)graph; return 0; }
CUresult cuGraphLaunch(CUgraphExec graph, CUstream stream) { FAIL; (void)graph, (void)stream; stub_launches++; return 0; }
