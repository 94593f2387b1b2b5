"""From a Program to native code: rewrites, kernels, object code."""
