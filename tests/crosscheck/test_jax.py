"""Values, gradients and second derivatives beside JAX's, for functions written once.

On top of the checks against NumPy and differences in the other tests, never in place of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # noqa: TID251 - see AnyArray

import numpy as np
import pytest

import pullback as pb

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
jax_grad: Any = jax.grad
jax.config.update("jax_enable_x64", True)

#: An array of whichever library computes with it: no one type fits them all.
AnyArray = Any

Function = Callable[..., AnyArray]
RNG = np.random.default_rng(0)
POSITIVE = RNG.uniform(0.2, 0.9, (3, 4))
ANY = RNG.standard_normal((3, 4))
OTHER = RNG.standard_normal((3, 4))
SQUARE = RNG.standard_normal((4, 4))
BATCH = RNG.standard_normal((2, 3, 4))
COMPLEX = ANY + 1j * OTHER

UNARY = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "exp", "exp2",
    "expm1", "log", "log10", "log1p", "log2", "reciprocal", "sin", "sinh", "sqrt", "square",
    "tan", "tanh",
]  # fmt: skip


def cases() -> list[tuple[str, Function, tuple[AnyArray, ...]]]:
    made: list[tuple[str, Function, tuple[AnyArray, ...]]] = []
    for name in UNARY:
        x = POSITIVE + 1 if name == "acosh" else POSITIVE

        def unary(xp: AnyArray, x: AnyArray, name: str = name) -> AnyArray:
            return getattr(xp, name)(x)

        made.append((name, unary, (x,)))
    made += [
        ("arithmetic", lambda xp, x, y: (x * y - x / y + 2 * x - y**3) ** 2, (POSITIVE, OTHER)),
        ("pow", lambda xp, x, y: x**y, (POSITIVE, OTHER)),
        ("atan2", lambda xp, x, y: xp.atan2(x, y), (ANY, OTHER)),
        ("hypot", lambda xp, x, y: xp.hypot(x, y), (ANY, OTHER)),
        ("logaddexp", lambda xp, x, y: xp.logaddexp(x, y), (ANY, OTHER)),
        ("broadcast", lambda xp, x, y: x * y[0] + y[:, :1], (ANY, OTHER)),
        ("maximum", lambda xp, x, y: xp.maximum(x, y) * xp.minimum(x, y**2), (ANY, OTHER)),
        ("where", lambda xp, x, y: xp.where(x > 0, x * y, xp.exp(y)), (ANY, OTHER)),
        ("clip", lambda xp, x: xp.clip(x, -0.5, 0.5) * x, (ANY,)),
        ("sum", lambda xp, x: xp.sum(x**2, axis=0) * xp.sum(x), (ANY,)),
        ("prod", lambda xp, x: xp.prod(x, axis=1), (ANY,)),
        ("prod with a zero", lambda xp, x: xp.prod(x * (x > -0.5), axis=1), (ANY,)),
        ("mean var std", lambda xp, x: xp.mean(x) * xp.var(x, axis=1) + xp.std(x), (ANY,)),
        ("max min", lambda xp, x: xp.max(x, axis=1) * xp.min(x), (ANY,)),
        ("max ties", lambda xp, x: xp.max(xp.round(x) + 0 * x, axis=0), (ANY,)),
        ("cumsum", lambda xp, x: xp.cumsum(x, axis=1) ** 2, (ANY,)),
        ("cumprod", lambda xp, x: xp.cumprod(x, axis=1), (ANY,)),
        ("reshape", lambda xp, x: xp.reshape(x, (2, 6))[1] ** 2, (ANY,)),
        ("transpose", lambda xp, x: xp.permute_dims(x, (2, 0, 1)) ** 3, (BATCH,)),
        ("concat", lambda xp, x, y: xp.concat([x, y * x], axis=1) ** 2, (ANY, OTHER)),
        ("stack", lambda xp, x, y: xp.stack([x, y, x], axis=-1) ** 2, (ANY, OTHER)),
        ("roll flip", lambda xp, x: xp.roll(x, 2, axis=1) * xp.flip(x, axis=0), (ANY,)),
        ("tile repeat", lambda xp, x: xp.tile(x, (2, 1)) * xp.repeat(x, 2, axis=0), (ANY,)),
        ("tril triu", lambda xp, x: xp.tril(x) ** 2 + xp.triu(x, k=1) ** 3, (SQUARE,)),
        ("trace", lambda xp, x: (x @ x.T).trace(), (SQUARE,)),
        ("slices", lambda xp, x: x[::-1, 1::2] ** 2 * x[:, None, 0], (SQUARE[:2],)),
        ("gather", lambda xp, x: x[np.array([0, 2, 0]), np.array([[1], [1]])] ** 2, (ANY,)),
        ("take", lambda xp, x: xp.take(x, np.array([1, 1, 3]), axis=1) ** 2, (ANY,)),
        ("at", lambda xp, x, y: x.at[np.array([0, 0, 2])].add(y) ** 2, (ANY, OTHER)),
        ("set", lambda xp, x, y: x.at[1:].set(y[:2] ** 2) * x, (ANY, OTHER)),
        ("sort", lambda xp, x: xp.sort(x, axis=1) * np.arange(4.0), (ANY,)),
        ("matmul", lambda xp, x, y: x @ y.T @ x, (ANY, OTHER)),
        ("batched matmul", lambda xp, x, y: xp.matmul(x, y) ** 2, (BATCH, SQUARE)),
        ("matvec", lambda xp, x, y: x @ y[0] * (y[:, 0] @ x)[:3], (ANY, OTHER)),
        ("tensordot", lambda xp, x, y: xp.tensordot(x, y, axes=([0, 2], [2, 0])), (BATCH, BATCH.T)),
        ("einsum", lambda xp, x, y: xp.einsum("bij,jk,bik->bk", x, y, x), (BATCH, SQUARE)),
        ("einsum diagonal", lambda xp, x: xp.einsum("ii,jj->i", x, x), (SQUARE,)),
        ("outer", lambda xp, x, y: xp.outer(x, y) ** 2, (ANY[0], OTHER[1])),
        ("complex", lambda xp, x: xp.real(x * xp.exp(x)) + xp.abs(x) * xp.imag(x**2), (COMPLEX,)),
        ("conj angle", lambda xp, x: xp.abs(xp.conj(x) * x + xp.sin(x)), (COMPLEX,)),
    ]
    return made


def total(xp: AnyArray, f: Function) -> Function:
    """Return the sum of f's elements, weighted so that no symmetry hides an error."""

    def weighted(*operands: AnyArray) -> AnyArray:
        out = f(xp, *operands)
        weights = np.cos(np.arange(out.size)).reshape(out.shape)
        return xp.sum(out * weights)

    return weighted


@pytest.mark.parametrize(("name", "f", "operands"), cases(), ids=[c[0] for c in cases()])
def test_first_and_second_derivatives_agree(
    name: str, f: Function, operands: tuple[np.ndarray, ...]
) -> None:
    argnums: Any = tuple(range(len(operands)))
    ours, theirs = total(pb, f), total(jnp, f)
    theirs_in = [jnp.asarray(x) for x in operands]
    np.testing.assert_allclose(
        np.asarray(ours(*[pb.asarray(x) for x in operands])), theirs(*theirs_in), rtol=1e-10
    )
    our_grad: Any = pb.grad(ours, argnums=argnums)
    grads = our_grad(*operands)
    expected = jax_grad(theirs, argnums=argnums)(*theirs_in)
    for mine, other in zip(grads, expected, strict=True):
        np.testing.assert_allclose(mine, np.conj(other), rtol=1e-8, atol=1e-10)
    if name in {"complex", "conj angle"}:
        return  # JAX's gradient is the conjugate of ours: its gradient of it is another function

    directions = [np.sin(np.arange(x.size) + 1.0).reshape(x.shape) for x in operands]

    def slope(grad: Callable[..., AnyArray]) -> Function:
        def along(*operands: AnyArray) -> AnyArray:
            parts = zip(grad(*operands), directions, strict=True)
            return sum((g * d).sum() for g, d in parts)

        return along

    our_second: Any = pb.grad(slope(our_grad), argnums=argnums)
    seconds = our_second(*operands)
    expected = jax_grad(slope(jax_grad(theirs, argnums=argnums)), argnums=argnums)(*theirs_in)
    for mine, other in zip(seconds, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-9)
