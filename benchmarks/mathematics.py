"""How long does a compiled loop over a function take an element, beside NumPy and compilers?

Nanoseconds per element on one core (JAX takes all cores for large arrays), for arguments that are
common in practice; and how many instructions LLVM gets to see.

    python -m benchmarks.mathematics [name ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Final

import jax
import jax.numpy as jnp
import numba
import numpy as np
import torch

from benchmarks.timing import Job, interleave
from pullback.compiler.llvm import mathematics as m
from pullback.primitives.quantity import Value
from tests.compiler.loops import DTYPES, Floats, compiled

#: Our function; NumPy's, JAX's and PyTorch's names ("" where there is none); the range.
FUNCTIONS: Final[dict[str, tuple[m.Formula, str, str, str, tuple[float, float]]]] = {
    "exp": (m.exp, "exp", "exp", "exp", (-8, 8)),
    "log": (m.log, "log", "log", "log", (0.1, 9)),
    "tanh": (m.tanh, "tanh", "tanh", "tanh", (-4, 4)),
    "sigmoid": (m.sigmoid, "", "sigmoid", "sigmoid", (-8, 8)),
    "softplus": (m.softplus, "", "softplus", "", (-8, 8)),
    "sin": (m.sin, "sin", "sin", "sin", (-9, 9)),
    "cos": (m.cos, "cos", "cos", "cos", (-9, 9)),
    "tan": (m.tan, "tan", "tan", "tan", (-9, 9)),
    "erf": (m.erf, "", "erf", "erf", (-4, 4)),
    "erfc": (m.erfc, "", "erfc", "erfc", (-4, 4)),
    "expm1": (m.expm1, "expm1", "expm1", "expm1", (-4, 4)),
    "log1p": (m.log1p, "log1p", "log1p", "log1p", (-0.9, 9)),
    "log2": (m.log2, "log2", "log2", "log2", (0.1, 9)),
    "sinh": (m.sinh, "sinh", "sinh", "sinh", (-4, 4)),
    "asin": (m.asin, "arcsin", "arcsin", "asin", (-1, 1)),
    "atan": (m.atan, "arctan", "arctan", "atan", (-4, 4)),
    "asinh": (m.asinh, "arcsinh", "arcsinh", "asinh", (-4, 4)),
    "cbrt": (m.cbrt, "cbrt", "cbrt", "", (-9, 9)),
    "sqrt": (m.sqrt, "sqrt", "sqrt", "sqrt", (0, 9)),
    "pow": (m.pow, "power", "power", "pow", (0.1, 9)),
    "atan2": (m.atan2, "arctan2", "arctan2", "atan2", (-4, 4)),
    "hypot": (m.hypot, "hypot", "hypot", "hypot", (-4, 4)),
    "fmod": (m.fmod, "fmod", "fmod", "fmod", (-9, 9)),
}
BINARY: Final = ("pow", "atan2", "hypot", "fmod")
SIZES: Final = (10**4, 10**5, 10**6)
RIVALS: Final = ("numpy", "jax", "torch", "numba")


def ours(formula: m.Formula, form: str, operands: tuple[Floats, ...], out: Floats) -> Job:
    """Return a call of our loop, with guards, as the compiler runs it."""
    loop = compiled(formula, form, len(operands), quick=True)
    addresses = [x.ctypes.data for x in (*operands, out)]
    return lambda: loop.function(out.size, *addresses)


def rivals(name: str, operands: tuple[Floats, ...], out: Floats) -> dict[str, Job]:
    """Return the same call of each rival that has the function."""
    _, numpy_name, jax_name, torch_name, _ = FUNCTIONS[name]
    jobs: dict[str, Job] = {}
    if numpy_name:
        ufunc = getattr(np, numpy_name)
        jobs["numpy"] = partial(ufunc, *operands, out=out)
        jobs["numba"] = partial(_numba_loop(ufunc, len(operands)), *operands, out)
    modules = (jnp, jax.nn, jax.scipy.special)
    function = next(getattr(module, jax_name) for module in modules if hasattr(module, jax_name))
    jobs["jax"] = partial(_waited, jax.jit(function), *(jnp.asarray(x) for x in operands))
    if torch_name:
        tensors = [torch.from_numpy(x) for x in operands]
        jobs["torch"] = partial(getattr(torch, torch_name), *tensors, out=torch.from_numpy(out))
    return jobs


def _waited(f: Callable[..., Value], *operands: Value) -> Value:
    return f(*operands).block_until_ready()


def _numba_loop(ufunc: Value, count: int) -> Value:
    def unary(x: Value, out: Value) -> None:
        for i in range(x.size):
            out[i] = ufunc(x[i])

    def binary(x: Value, y: Value, out: Value) -> None:
        for i in range(x.size):
            out[i] = ufunc(x[i], y[i])

    return numba.njit(unary if count == 1 else binary)


def main(names: list[str]) -> None:
    """Measure and print."""
    jax.config.update("jax_enable_x64", val=True)
    torch.set_num_threads(1)
    heads = "".join(f"{name:>9}" for name in ("pullback", *RIVALS))
    for form, dtype in DTYPES.items():
        print(f"\n{form}: ns per element{'instructions':>16}{'elements':>10}{heads}")
        for name in names or FUNCTIONS:
            formula, *_, (lowest, highest) = FUNCTIONS[name]
            count = 2 if name in BINARY else 1
            for size in SIZES:
                rng = np.random.default_rng(0)
                operands = tuple(
                    rng.uniform(lowest, highest, size).astype(dtype) for _ in range(count)
                )
                out = np.empty(size, dtype)
                jobs = {"pullback": ours(formula, form, operands, out)}
                jobs |= rivals(name, operands, out)
                timings = interleave(jobs, rounds=7, least=0.002)
                cells = (
                    f"{timings[rival].median / size * 1e9:>9.2f}"
                    if rival in timings
                    else f"{'':>9}"
                    for rival in ("pullback", *RIVALS)
                )
                instructions = compiled(formula, form, count, quick=True).instructions
                print(f"  {name:<20}{instructions:>16}{size:>10}{''.join(cells)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
