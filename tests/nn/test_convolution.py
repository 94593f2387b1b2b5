"""The convolutional layer: what it computes, its parameters, and what it refuses."""

from __future__ import annotations

import pickle

import attrs
import numpy as np
import pytest

import pullback as pb
from pullback import nn, random, tree
from pullback.errors import ShapeError
from pullback.nn.convolution import Padding
from tests.primitives.pointwise import reals


def test_the_layer_is_the_convolution_with_its_parameters() -> None:
    layer = nn.Conv.create(
        random.key(0), 4, 6, (3, 2), stride=(2, 1), padding=((1, 0), 2), dilation=2, groups=2
    )
    layer = attrs.evolve(layer, bias=pb.asarray(np.arange(6.0)))
    x = reals((3, 4, 8, 7), -1, 1)
    expected = nn.conv(
        x,
        layer.kernel,
        stride=(2, 1),
        padding=[(1, 0), 2],
        dilation=2,
        groups=2,
        bias=np.arange(6.0),
    )
    np.testing.assert_array_equal(np.asarray(layer(x)), np.asarray(expected))
    np.testing.assert_allclose(np.asarray(layer(x[0])), np.asarray(expected)[0], rtol=1e-13)


@pytest.mark.parametrize("padding", ["same", "valid", 1])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_window_tells_how_many_axes_there_are(padding: Padding, rank: int) -> None:
    layer = nn.Conv.create(random.key(0), 2, 3, (3,) * rank, padding=padding)
    assert layer.kernel.shape == (3, 2, *(3,) * rank)
    size = 3 if padding == "valid" else 5
    assert layer(np.ones((4, 2, *(5,) * rank))).shape == (4, 3, *(size,) * rank)


def test_the_layer_keeps_the_variance_of_its_input() -> None:
    layer = nn.Conv.create(random.key(0), 40, 60, (3, 3), groups=2)
    assert float(pb.var(layer.kernel)) * 20 * 9 == pytest.approx(1, rel=0.02)
    x = random.normal(random.key(1), (8, 40, 12, 12))
    assert float(pb.var(layer(x))) == pytest.approx(1, rel=0.1)


def test_the_leaves_are_kernel_and_bias_and_the_rest_is_structure() -> None:
    layer = nn.Conv.create(random.key(0), 2, 3, (3,), stride=2)
    assert [np.shape(np.asarray(leaf)) for leaf in tree.leaves(layer)] == [(3, 2, 3), (3,)]
    assert len(tree.leaves(nn.Conv.create(random.key(0), 2, 3, (3,), bias=False))) == 1
    other = nn.Conv.create(random.key(0), 2, 3, (3,), stride=1)
    assert tree.structure(layer) != tree.structure(other)


def test_a_float32_layer_computes_in_float32() -> None:
    layer = nn.Conv.create(random.key(0), 2, 3, (3,), dtype=np.float32)
    assert layer(np.ones((1, 2, 5), np.float32)).dtype == np.float32


def test_the_gradient_of_a_layer_is_a_layer() -> None:
    layer = nn.Conv.create(random.key(0), 1, 2, (3, 3), padding="same")
    x = reals((2, 1, 4, 4), -1, 1)
    grads = pb.grad(lambda m: pb.sum(nn.max_pool(nn.relu(m(x)), 2) ** 2))(layer)
    assert isinstance(grads, nn.Conv)
    assert tree.structure(grads) == tree.structure(layer)
    again = pickle.loads(pickle.dumps(layer))  # noqa: S301 - our own bytes
    assert tree.all_close(layer, again, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("channels", "window", "groups", "message"),
    [
        ((0, 2), (3,), 1, "sizes must be at least 1, got in_channels 0"),
        ((2, 0), (3,), 1, "out_channels 0"),
        ((2, 2), (3, 0), 1, r"window \(3, 0\)"),
        ((2, 2), (), 1, r"window \(\)"),
        ((2, 2), (3,), 0, "groups 0"),
        ((3, 2), (3,), 2, "2 groups do not divide 3 and 2 channels"),
        ((2, 3), (3,), 2, "2 groups do not divide 2 and 3 channels"),
    ],
)
def test_bad_sizes_are_refused(
    channels: tuple[int, int], window: tuple[int, ...], groups: int, message: str
) -> None:
    with pytest.raises(ShapeError, match=f"Conv: .*{message}"):
        nn.Conv.create(random.key(0), *channels, window, groups=groups)


def test_an_input_with_other_channels_is_refused_by_name() -> None:
    layer = nn.Conv.create(random.key(0), 3, 2, (3,))
    with pytest.raises(ShapeError, match=r"conv: channels differ: x has 4"):
        layer(np.ones((4, 5)))
