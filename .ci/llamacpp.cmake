# Read by CMake after each project() of llama-cpp-python, see docs/llamacpp.md.

# The command-line tools' library is half of the compiling, and nothing here uses it.
set(LLAMA_BUILD_COMMON OFF)

# AMX has one tile configuration per thread. llama.cpp sets it once and takes it for its own, while
# PyTorch's kernels release it, in the same thread; and some virtual machines announce AMX without
# keeping that state. Either way the next product ends the process (illegal instruction).
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    add_compile_options(-mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
endif()
