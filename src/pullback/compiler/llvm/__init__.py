"""Native code by LLVM: the only package that imports llvmlite.

`import pullback` does not load it; the first use of `jit` does.
"""
