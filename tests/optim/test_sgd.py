"""Gradient descent: each variant against its recurrence, on pytrees, without mutation."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.errors import StructureError
from pullback.optim import sgd


def test_a_plain_step_subtracts_the_scaled_gradient() -> None:
    init, update = sgd(0.1)
    params = (pb.asarray([1.0, 2.0]), 3.0)
    moved, state = update(params, (pb.asarray([10.0, 20.0]), 1.0), init(params))
    assert moved[0].tolist() == [0.0, 0.0]
    assert moved[1] == 2.9
    assert state == init(params)
    assert params[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_follows_its_recurrence(nesterov: bool) -> None:  # noqa: FBT001 - a case
    rate, mu = 0.1, 0.9
    init, update = sgd(rate, momentum=mu, nesterov=nesterov)
    p, v = 5.0, 0.0
    params, state = p, init(p)
    for _ in range(10):
        g = 2 * p
        v = mu * v + g
        p = p - rate * (g + mu * v if nesterov else v)
        params, state = update(params, 2 * params, state)
        assert params == pytest.approx(p, rel=1e-12)


def test_it_descends_a_quadratic() -> None:
    init, update = sgd(0.05, momentum=0.9)
    target = np.array([1.0, -2.0, 3.0])
    params = pb.asarray(np.zeros(3))
    state = init(params)
    step = pb.grad(lambda p: pb.sum((p - target) ** 2))
    for _ in range(300):
        params, state = update(params, step(params), state)
    np.testing.assert_allclose(np.asarray(params), target, atol=1e-6)


def test_leaves_without_derivative_stay_as_they_are() -> None:
    init, update = sgd(0.1, momentum=0.5)
    params = (1.0, 7, "name", None, np.array([3]))
    moved, _ = update(params, (1.0, 0, "name", None, np.array([0])), init(params))
    assert moved[:4] == (0.9, 7, "name", None)
    assert moved[4].dtype == np.array([3]).dtype


def test_float32_parameters_stay_float32() -> None:
    init, update = sgd(0.1, momentum=0.5)
    params = pb.asarray(np.ones(2, np.float32))
    moved, state = update(params, params, init(params))
    assert moved.dtype == np.float32
    assert state.velocity is not None
    assert state.velocity.dtype == np.float32


def test_gradients_of_another_structure_are_refused_by_path() -> None:
    init, update = sgd(0.1)
    params = {"w": pb.asarray([1.0, 2.0])}
    with pytest.raises(StructureError, match=r"sgd.*w"):
        update(params, {"w": pb.asarray([1.0, 2.0, 3.0])}, init(params))


@pytest.mark.parametrize(
    ("rate", "momentum", "nesterov", "message"),
    [
        (-1.0, 0.0, False, "learning rate"),
        (float("nan"), 0.0, False, "learning rate"),
        (float("inf"), 0.0, False, "learning rate"),
        (0.1, 1.0, False, "momentum"),
        (0.1, -0.1, False, "momentum"),
        (0.1, 0.0, True, "Nesterov"),
    ],
)
def test_bad_settings_are_refused(
    rate: float,
    momentum: float,
    nesterov: bool,  # noqa: FBT001 - a case
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        sgd(rate, momentum=momentum, nesterov=nesterov)
