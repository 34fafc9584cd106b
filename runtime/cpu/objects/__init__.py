"""Object code of kernels: built by LLVM, kept in a cache on disk, loaded without LLVM."""
