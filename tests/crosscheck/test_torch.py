"""The complex convention and the activations beside PyTorch's, whose convention is ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # noqa: TID251 - see AnyArray

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

#: An array of whichever library computes with it: no one type fits them all.
AnyArray = Any

RNG = np.random.default_rng(0)
COMPLEX = RNG.standard_normal((3, 4)) + 1j * RNG.standard_normal((3, 4))
REAL = np.concatenate([RNG.standard_normal(20) * 3, [0.0, -0.0, 1.0, -1.0, 30.0, -30.0]])

COMPLEX_LOSSES: dict[str, Callable[..., AnyArray]] = {
    "abs": lambda xp, z: xp.sum(xp.abs(z)),
    "square of abs": lambda xp, z: xp.sum(xp.abs(z * z + z) ** 2),
    "real": lambda xp, z: xp.sum(xp.real(xp.exp(z) * z)),
    "imag": lambda xp, z: xp.sum(xp.imag(xp.sin(z)) ** 2),
    "angle": lambda xp, z: xp.sum(xp.angle(z)),
    "conj": lambda xp, z: xp.sum(xp.real(xp.conj(z) * xp.tanh(z))),
    "quotient": lambda xp, z: xp.sum(xp.real(1 / z + z / (z + 2))),
    "power": lambda xp, z: xp.sum(xp.real(z**3 + z**0.5)),
    "log": lambda xp, z: xp.sum(xp.imag(xp.log(z) * xp.cosh(z))),
    "matmul": lambda xp, z: xp.sum(xp.abs(z @ z.T) ** 2),
    "mixed": lambda xp, z: xp.sum(xp.abs(z * xp.real(z)) ** 2),
}


@pytest.mark.parametrize("name", COMPLEX_LOSSES)
def test_the_gradient_of_a_real_loss_in_complex_numbers_agrees(name: str) -> None:
    loss = COMPLEX_LOSSES[name]
    z = torch.tensor(COMPLEX, requires_grad=True)
    loss(torch, z).backward()
    mine = pb.grad(lambda z: loss(pb, z))(COMPLEX)
    np.testing.assert_allclose(mine, z.grad.resolve_conj().numpy(), rtol=1e-10, atol=1e-12)


ACTIVATIONS: dict[str, Callable[..., AnyArray]] = {
    name: getattr(torch.nn.functional, name)
    for name in (
        "sigmoid", "relu", "softplus", "gelu", "silu", "elu", "selu", "leaky_relu", "mish",
        "softsign", "relu6",
    )
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_derivatives_agree(name: str) -> None:
    x = torch.tensor(REAL, requires_grad=True)
    out = ACTIVATIONS[name](x)
    (first,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    mine = getattr(pb.nn, name)
    np.testing.assert_allclose(np.asarray(mine(REAL)), out.detach().numpy(), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(
        pb.grad(lambda x: pb.sum(mine(x)))(REAL), first.detach().numpy(), rtol=1e-6, atol=1e-9
    )
