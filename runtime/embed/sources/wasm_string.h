/* Of <string.h>, what the text of a model calls: each is an instruction of WebAssembly. */
#ifndef GRADC_WASM_STRING_H
#define GRADC_WASM_STRING_H

#include <stddef.h>

static inline void *memset(void *to, int byte, size_t size) {
    return __builtin_memset(to, byte, size);
}

static inline void *memcpy(void *to, const void *from, size_t size) {
    return __builtin_memcpy(to, from, size);
}

#endif
