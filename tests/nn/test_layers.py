"""Layers: what they compute, that they are pytrees, and that bad sizes are refused."""

from __future__ import annotations

import pickle

import attrs
import numpy as np
import pytest

import pullback as pb
from pullback import nn, random, tree
from pullback.errors import ShapeError


def test_linear_is_the_affine_map() -> None:
    layer = nn.Linear.create(random.key(0), 3, 2)
    layer = attrs.evolve(layer, bias=pb.asarray([1.0, -1.0]))
    x = np.arange(12.0).reshape(4, 3)
    expected = x @ np.asarray(layer.weight) + [1.0, -1.0]
    np.testing.assert_allclose(np.asarray(layer(x)), expected)
    np.testing.assert_allclose(np.asarray(layer(x[0])), expected[0])


def test_linear_without_bias_has_one_leaf() -> None:
    assert len(tree.leaves(nn.Linear.create(random.key(0), 3, 2, bias=False))) == 1


def test_linear_keeps_the_variance_of_its_input() -> None:
    layer = nn.Linear.create(random.key(0), 400, 300)
    assert float(pb.var(layer.weight)) * 400 == pytest.approx(1, rel=0.02)
    x = random.normal(random.key(1), (50, 400))
    assert float(pb.var(layer(x))) == pytest.approx(1, rel=0.1)


def test_float32_layers_compute_in_float32() -> None:
    model = nn.MLP.create(random.key(0), [3, 4, 1], dtype=np.float32)
    assert model(np.ones((2, 3), np.float32)).dtype == np.float32


def test_the_leaves_of_an_mlp_are_its_weights_and_biases() -> None:
    model = nn.MLP.create(random.key(0), [3, 4, 4, 1])
    assert [np.shape(np.asarray(leaf)) for leaf in tree.leaves(model)] == [
        (3, 4), (4,), (4, 4), (4,), (4, 1), (1,),
    ]  # fmt: skip


def test_an_mlp_applies_its_activation_between_layers_only() -> None:
    model = nn.MLP.create(random.key(0), [3, 4, 1])
    first, second = model.layers
    x = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(second(pb.tanh(first(x)))))
    closed = attrs.evolve(model, last_activation=pb.sin)
    np.testing.assert_array_equal(np.asarray(closed(x)), np.asarray(pb.sin(model(x))))


def test_an_mlp_of_two_sizes_is_one_layer() -> None:
    model = nn.MLP.create(random.key(0), [3, 2])
    x = np.ones(3)
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(model.layers[0](x)))


def test_models_are_frozen_and_pickle() -> None:
    model = nn.MLP.create(random.key(0), [3, 4, 1])
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        model.layers = model.layers  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert tree.all_close(model, again, rtol=0, atol=0)


def test_the_gradient_of_a_model_is_a_model() -> None:
    model = nn.MLP.create(random.key(0), [3, 4, 1])
    grads = pb.grad(lambda m: pb.sum(m(np.ones((2, 3))) ** 2))(model)
    assert isinstance(grads, nn.MLP)
    assert tree.structure(grads) == tree.structure(model)


@pytest.mark.parametrize(
    ("sizes", "message"), [([3], "at least two"), ([], "at least two"), ([3, 0], "at least 1")]
)
def test_bad_sizes_are_refused(sizes: list[int], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        nn.MLP.create(random.key(0), sizes)


def test_an_input_of_the_wrong_size_is_refused_by_name() -> None:
    layer = nn.Linear.create(random.key(0), 3, 2)
    with pytest.raises(ShapeError, match=r"contracted sizes differ: 4 .* and 3"):
        layer(np.ones(4))
