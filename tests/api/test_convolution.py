"""Convolution and pooling as users call them: values, options, errors, and every transform."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

import pullback as pb
from pullback import nn
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from tests.primitives.pointwise import complexes, reals

Floats: TypeAlias = npt.NDArray[np.float64]
Pairs: TypeAlias = list[tuple[int, int]]
Sizes: TypeAlias = tuple[int, ...]


def by_hand(x: Value, kernel: Value, ends: Pairs, stride: Sizes, dilation: Sizes) -> Value:
    """The convolution of (samples, channels, ...) by loops over the formula."""
    groups = x.shape[1] // kernel.shape[1]
    rank = len(stride)
    padded = np.pad(x, [(0, 0), (0, 0), *((max(a, 0), max(b, 0)) for a, b in ends)])
    for axis, (low, high) in enumerate(ends, 2):
        stop = padded.shape[axis] + min(high, 0)
        padded = padded.take(range(-min(low, 0), stop), axis)
    filters, channels = kernel.shape[:2]
    wide = [d * (m - 1) + 1 for d, m in zip(dilation, kernel.shape[2:], strict=True)]
    sizes = [(n - w) // s + 1 for n, w, s in zip(padded.shape[2:], wide, stride, strict=True)]
    out = np.zeros((len(x), filters, *sizes), np.result_type(x, kernel))
    for o, c in product(range(filters), range(channels)):
        channel = padded[:, o // (filters // groups) * channels + c]
        for k, j in product(np.ndindex(*sizes), np.ndindex(*kernel.shape[2:])):
            place = tuple(stride[a] * k[a] + dilation[a] * j[a] for a in range(rank))
            out[(slice(None), o, *k)] += channel[(slice(None), *place)] * kernel[(o, c, *j)]
    return out


# ------------------------------------------------------------------------------------- convolution


#: Shapes of x and of the kernel, padding, stride and dilation. The channels tell the groups.
FORMULAS: Final[list[tuple[Sizes, Sizes, Pairs, Sizes, Sizes]]] = [
    ((2, 3, 7), (4, 3, 3), [(0, 0)], (1,), (1,)),
    ((2, 3, 7), (4, 3, 3), [(1, 2)], (2,), (2,)),
    ((2, 3, 7), (4, 3, 3), [(-1, -2)], (1,), (1,)),
    ((2, 3, 7), (4, 3, 3), [(5, -2)], (1,), (1,)),
    ((2, 3, 7), (4, 3, 2), [(0, 0)], (4,), (1,)),
    ((2, 3, 2), (4, 3, 2), [(4, 4)], (1,), (1,)),
    ((0, 3, 7), (4, 3, 3), [(0, 0)], (1,), (1,)),
    ((1, 1, 1), (1, 1, 1), [(0, 0)], (1,), (1,)),
    ((2, 6, 5), (4, 3, 3), [(1, 1)], (1,), (1,)),
    ((2, 4, 5), (4, 1, 3), [(1, 1)], (1,), (1,)),
    ((2, 2, 5), (6, 1, 3), [(1, 1)], (2,), (1,)),
    ((2, 3, 5, 6), (2, 3, 3, 2), [(1, 1), (0, 1)], (2, 1), (1, 2)),
    ((2, 4, 5, 6), (6, 2, 1, 1), [(0, 0), (0, 0)], (1, 1), (1, 1)),
    ((1, 2, 3, 4, 5), (2, 2, 2, 3, 2), [(0, 0), (1, 1), (0, 2)], (1, 2, 1), (1, 1, 2)),
]


@pytest.mark.parametrize(("x", "kernel", "ends", "stride", "dilation"), FORMULAS)
def test_a_convolution_is_what_its_formula_says(
    x: Sizes, kernel: Sizes, ends: Pairs, stride: Sizes, dilation: Sizes
) -> None:
    image, weights, bias = reals(x, -1, 1), reals(kernel, -1, 1, seed=1), reals(kernel[:1], -1, 1)
    expected = by_hand(image, weights, ends, stride, dilation)
    groups = x[1] // kernel[1]
    found = nn.conv(
        image, weights, stride=stride, padding=ends, dilation=dilation, groups=groups, bias=bias
    )
    shift = bias.reshape(-1, *(1 for _ in stride))
    np.testing.assert_allclose(np.asarray(found), expected + shift, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("mode", ["valid", "same"])
def test_a_convolution_of_one_channel_is_scipys_correlation(
    rank: int, mode: Literal["valid", "same"]
) -> None:
    x, kernel = reals((5, 6, 7)[:rank], -1, 1), reals((3, 1, 5)[:rank], -1, 1, seed=1)
    expected = signal.correlate(x, kernel, mode)
    found = nn.conv(x[None], kernel[None, None], padding=mode)
    np.testing.assert_allclose(np.asarray(found)[0], expected, atol=1e-13)


def test_a_full_convolution_is_scipys() -> None:
    x, kernel = complexes((6, 5), -1, 1), complexes((2, 4), -1, 1, seed=1)
    found = nn.conv_transpose(x[None], kernel[None, None])
    np.testing.assert_allclose(np.asarray(found)[0], signal.convolve(x, kernel), atol=1e-13)


@pytest.mark.parametrize("batch", [(), (0,), (2, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_any_axes_before_the_channels_are_a_batch(batch: tuple[int, ...], groups: int) -> None:
    x, kernel = reals((*batch, 4, 5), -1, 1), reals((6, 4 // groups, 3), -1, 1)
    found = np.asarray(nn.conv(x, kernel, groups=groups))
    assert found.shape == (*batch, 6, 3)
    for index in np.ndindex(*batch):
        one = nn.conv(x[index], kernel, groups=groups)
        np.testing.assert_allclose(found[index], np.asarray(one), atol=1e-14)


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_same_divides_the_axis_by_the_stride(size: int, stride: int, width: int) -> None:
    x, kernel = reals((1, size), -1, 1), reals((1, 1, width), -1, 1)
    found = np.asarray(nn.conv(x, kernel, stride=stride, padding="same"))
    assert found.shape == (1, -(-size // stride))
    lack = max(0, (found.shape[1] - 1) * stride + width - size)
    ends = [(lack // 2, lack - lack // 2)]
    np.testing.assert_array_equal(
        found, np.asarray(nn.conv(x, kernel, stride=stride, padding=ends))
    )


def test_one_number_of_each_option_is_for_all_axes() -> None:
    x, kernel = reals((2, 3, 9, 9), -1, 1), reals((4, 3, 3, 3), -1, 1)
    one = nn.conv(x, kernel, stride=2, padding=1, dilation=2)
    each = nn.conv(x, kernel, stride=(2, 2), padding=[1, (1, 1)], dilation=[2, 2])
    np.testing.assert_array_equal(np.asarray(one), np.asarray(each))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128, np.int32])
def test_the_dtype_of_the_result_is_that_of_the_operands(dtype: type[np.generic]) -> None:
    x, kernel = np.ones((2, 5), dtype), np.ones((3, 2, 3), dtype)
    assert nn.conv(x, kernel).dtype == dtype
    assert nn.conv(x, kernel, bias=np.ones(3, dtype)).dtype == dtype
    assert nn.conv_transpose(x, kernel.swapaxes(0, 1)).dtype == dtype


# ------------------------------------------------------------------------------------- transposed


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("ends", [(0, 0), (1, 2), (-1, 0)])
def test_a_transposed_convolution_is_the_adjoint(
    stride: int, dilation: int, groups: int, ends: tuple[int, int]
) -> None:
    kernel = reals((6, 4 // groups, 3, 2), -1, 1)
    for size in (7, 8, 9):
        x = reals((2, 4, size, 8), -1, 1)
        y = nn.conv(x, kernel, stride=stride, padding=[ends, 0], dilation=dilation, groups=groups)
        w = reals(y.shape, -1, 1, seed=2)
        least = [
            stride * (y.shape[2] - 1) + dilation * 2 + 1 - sum(ends),
            stride * (y.shape[3] - 1) + dilation + 1,
        ]
        more = [size - least[0], 8 - least[1]]
        if max(more) >= max(stride, dilation):
            continue  # x ends in elements that no window holds
        back = nn.conv_transpose(
            w,
            kernel,
            stride=stride,
            padding=[ends, 0],
            output_padding=more,
            dilation=dilation,
            groups=groups,
        )
        assert back.shape == x.shape
        np.testing.assert_allclose(
            np.vdot(w, np.asarray(y)), np.vdot(np.asarray(back), x), rtol=1e-10
        )


def test_a_transposed_convolution_adds_its_bias_everywhere() -> None:
    found = nn.conv_transpose(np.zeros((1, 2)), np.ones((1, 2, 3)), stride=4, bias=[1.0, 2.0])
    np.testing.assert_array_equal(np.asarray(found), [[1.0] * 7, [2.0] * 7])


# ----------------------------------------------------------------------------------------- pooling


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pooling_over_everything_is_max_and_mean(rank: int) -> None:
    shape = (2, 3, 4, 5, 2)[: 2 + rank]
    x, axes = reals(shape, -1, 1), tuple(range(2, 2 + rank))
    pairs: tuple[tuple[Callable[..., pb.Array], Callable[..., pb.Array]], ...] = (
        (nn.max_pool, pb.max),
        (nn.avg_pool, pb.mean),
    )
    for pool, whole in pairs:
        found = pool(x, shape[2:])
        expected = whole(x, axis=axes, keepdims=True)
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-13)
        np.testing.assert_allclose(
            pb.grad(lambda x, f=pool: pb.sum(pb.sin(f(x, shape[2:]))))(x),
            pb.grad(lambda x, f=whole: pb.sum(pb.sin(f(x, axis=axes))))(x),
            rtol=1e-12,
        )


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize(
    ("window", "stride", "ends"),
    [(2, None, (0, 0)), (3, 1, (1, 1)), (3, 2, (2, 0)), (2, 3, (0, 1))],
)
def test_average_pooling_is_the_mean_of_each_window(
    window: int, stride: int | None, ends: tuple[int, int], *, count_include_pad: bool
) -> None:
    x = reals((2, 7), -1, 1)
    found = nn.avg_pool(
        x, [window], stride=stride, padding=[ends], count_include_pad=count_include_pad
    )
    filled = np.pad(x, [(0, 0), ends], constant_values=0.0 if count_include_pad else np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(filled, window, 1)[:, :: stride or window]
    np.testing.assert_allclose(np.asarray(found), np.nanmean(windows, 2), rtol=1e-13)


def test_pooling_of_integers() -> None:
    x = np.array([[3, -1, 2, 7]])
    assert np.array_equal(np.asarray(nn.max_pool(x, [2], padding=1)), [[3, 2, 7]])
    assert nn.max_pool(x, [2]).dtype == x.dtype
    assert np.array_equal(np.asarray(nn.avg_pool(x, [2])), [[1.0, 4.5]])
    assert nn.avg_pool(x.astype("f4"), [2], count_include_pad=False).dtype == np.float32


def test_a_number_for_a_window_is_for_all_axes_behind_samples_and_channels() -> None:
    x = reals((2, 3, 4, 6), -1, 1)
    for pool in (nn.max_pool, nn.avg_pool):
        np.testing.assert_array_equal(np.asarray(pool(x, 2)), np.asarray(pool(x, (2, 2))))


# -------------------------------------------------------------------------------------- transforms

X: Final[Floats] = reals((2, 2, 6, 5), -1, 1)
KERNEL: Final[Floats] = reals((4, 1, 3, 2), -1, 1, seed=1)
BIAS: Final[Floats] = reals((4,), -1, 1, seed=2)


def network(x: Value, kernel: Value, bias: Value) -> Value:
    """A number that is smooth in all arguments, away from ties."""
    y = pb.tanh(nn.conv(x, kernel, padding=1, groups=2, stride=(1, 2), bias=bias))
    pooled = nn.max_pool(y, 2, stride=1) + nn.avg_pool(y, 2, stride=1)
    return pb.sum(nn.conv_transpose(pooled, kernel, groups=2, stride=2) ** 3)


ARGUMENTS: Final = (X, KERNEL, BIAS)
DIRECTIONS: Final = tuple(reals(a.shape, -1, 1, seed=9) for a in ARGUMENTS)


def along(f: Callable[..., Value], t: float) -> Value:
    return f(*(a + t * v for a, v in zip(ARGUMENTS, DIRECTIONS, strict=True)))


def test_derivatives_agree_with_differences() -> None:
    step = 1e-6
    numeric = (float(along(network, step)) - float(along(network, -step))) / (2 * step)
    grads = pb.grad(network, argnums=(0, 1, 2))(*ARGUMENTS)
    exact = sum(float(np.sum(g * v)) for g, v in zip(grads, DIRECTIONS, strict=True))
    assert exact == pytest.approx(numeric, rel=1e-7)
    pushed = pb.jvp(lambda t: along(network, t), 0.0, 1.0)[1]
    assert pushed == pytest.approx(exact, rel=1e-12)


def test_second_derivatives_agree_with_differences_and_each_other() -> None:
    step = 1e-5
    gradient = pb.grad(network, argnums=(0, 1, 2))
    above, below = along(gradient, step), along(gradient, -step)
    _, exact = pb.jvp(lambda t: along(gradient, t), 0.0, 1.0)
    for up, down, curvature in zip(above, below, exact, strict=True):
        np.testing.assert_allclose((up - down) / (2 * step), curvature, rtol=1e-5, atol=1e-6)
    twice = pb.grad(pb.grad(lambda t: along(network, t)))(0.0)
    dot = sum(float(np.sum(c * v)) for c, v in zip(exact, DIRECTIONS, strict=True))
    assert twice == pytest.approx(dot, rel=1e-10)


def slope(f: Callable[[Value], Value]) -> Callable[[Value], Value]:
    return lambda t: pb.jvp(f, t, 1.0)[1]


def test_a_taylor_series_agrees_with_nested_derivatives() -> None:
    _, coefficients = pb.taylor(lambda t: along(network, t), 0.0, (1.0,), order=3)
    f: Callable[[Value], Value] = lambda t: along(network, t)  # noqa: E731 - typed
    factorial = 1
    for n in range(1, 4):
        f = slope(f)
        factorial *= n
        assert float(coefficients[n - 1]) == pytest.approx(float(f(0.0)) / factorial, rel=1e-9)


@pytest.mark.parametrize(
    "flags", [f for f in product((0, None), repeat=3) if any(a == 0 for a in f)]
)
def test_a_batch_has_the_results_of_its_elements(flags: tuple[int | None, ...]) -> None:
    batches = [
        np.stack([a, 0.9 * a[::-1], -a]) if flag == 0 else a
        for a, flag in zip(ARGUMENTS, flags, strict=True)
    ]
    gradient = pb.grad(network, argnums=(0, 1, 2))
    mapped = pb.vmap(gradient, in_axes=flags)(*batches)
    for i in range(3):
        one = gradient(*(b[i] if flag == 0 else b for b, flag in zip(batches, flags, strict=True)))
        for found, expected in zip(mapped, one, strict=True):
            np.testing.assert_allclose(found[i], expected, rtol=1e-10, atol=1e-12)


def test_a_jacobian_is_that_of_the_matrix() -> None:
    def convolved(x: Value) -> pb.Array:
        return nn.conv(x, KERNEL[:1, :, :, 0], padding=1, stride=2)

    matrix = pb.jacobian(convolved)(X[0, :1, 0])
    columns = [np.asarray(convolved(row[None])) for row in np.eye(5)]
    np.testing.assert_allclose(np.asarray(matrix)[:, :, 0], np.stack(columns, -1), atol=1e-14)


def test_below_a_selection_padding_and_infinities_stay_silent() -> None:
    def chosen(x: Value) -> pb.Array:
        roots = pb.sqrt(x)
        return pb.sum(pb.where(x > 0, nn.conv(roots[None], np.ones((1, 1, 1)))[0], 0.0))

    np.testing.assert_array_equal(pb.grad(chosen)(np.array([0.0, 1.0, 4.0])), [0, 0.5, 0.25])


# ------------------------------------------------------------------------------------------ errors

LINE: Final = np.zeros((2, 3, 8))


@pytest.mark.parametrize(
    ("kernel", "options", "message"),
    [
        ((4, 2, 3), {}, r"conv: channels differ: x has 3 \(axis 1 of .* takes 2"),
        ((4, 2, 3), {"groups": 2}, r"conv: channels differ: .* takes 4 in 2 groups"),
        ((3, 1, 3), {"groups": 2}, r"conv: groups: expected a positive number that divides axis 0"),
        ((4, 3, 3), {"groups": 0}, "conv: groups: expected a positive number"),
        ((4, 3), {}, r"conv: expected x of shape \(..., channels, n_1, ..., n_d\)"),
        ((4, 3, 3, 3, 3), {}, r"got shapes \(2, 3, 8\) and \(4, 3, 3, 3, 3\)"),
        ((4, 3, 9), {}, "conv: a window of 9, 9 wide with dilation 1, does not fit axis 2 of x"),
        ((4, 3, 3), {"dilation": 4}, "a window of 3, 9 wide with dilation 4"),
        ((4, 3, 3), {"padding": -3}, r"shape \(2, 3, 8\), padded by \(-3, -3\)"),
        ((4, 3, 3), {"stride": 0}, "conv: stride: expected a number of at least 1"),
        ((4, 3, 3), {"stride": (1, 1)}, "at least 1, or one for each of 1 axes, got"),
        ((4, 3, 3), {"dilation": -1}, "conv: dilation: expected a number of at least 1"),
        ((4, 3, 3), {"padding": "full"}, "conv: padding: expected a number, or for each of 1 axes"),
        ((4, 3, 3), {"padding": (1, 1)}, "conv: padding: expected a number, or for each of 1 axes"),
        ((4, 3, 3), {"padding": [(1, 1, 1)]}, "conv: padding: expected a number"),
        ((4, 3, 0), {}, "conv: kernel: expected a number of at least 1"),
        ((4, 3, 3), {"bias": np.zeros(3)}, r"expected a bias of shape \(4,\), got shape \(3,"),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_convolution_is_named(
    kernel: tuple[int, ...], options: dict[str, Value], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        nn.conv(LINE, np.zeros(kernel), **options)


@pytest.mark.parametrize(
    ("kernel", "options", "message"),
    [
        ((2, 3, 3), {}, "conv_transpose: channels differ: x has 3"),
        ((3, 2, 3), {"groups": 2}, "conv_transpose: groups: expected a positive number"),
        ((3, 2, 3), {"output_padding": 1}, "output_padding 1 must be less than the stride, 1, or"),
        ((3, 2, 3), {"output_padding": -1}, "output_padding: expected a number of at least 0"),
        ((3, 2, 3), {"padding": 6}, r"padding \(6, 6\) leaves -2 elements on axis -1"),
        ((3, 2, 3), {"padding": "same"}, "conv_transpose: padding: expected a number"),
        ((3, 2, 3), {"stride": -1}, "conv_transpose: stride: expected a number of at least 1"),
        ((3, 2, 0), {}, "conv_transpose: kernel: expected a number of at least 1"),
    ],
)
def test_what_does_not_fit_a_transposed_convolution_is_named(
    kernel: tuple[int, ...], options: dict[str, Value], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        nn.conv_transpose(LINE, np.zeros(kernel), **options)


@pytest.mark.parametrize(
    ("window", "options", "message"),
    [
        (9, {}, "a window of 9, 9 wide with dilation 1, does not fit axis 2"),
        (0, {}, "window: expected a number of at least 1"),
        ((), {}, r"a window \(\) does not fit shape \(2, 3, 8\)"),
        ((1, 1, 1, 1), {}, "give one size for each of the last axes"),
        (2, {"stride": 0}, "stride: expected a number of at least 1"),
        (2, {"padding": 2, "count_include_pad": False}, "holds padding only; pad by less than the"),
    ],
)
def test_what_does_not_fit_pooling_is_named(
    window: int | tuple[int, ...], options: dict[str, Value], message: str
) -> None:
    with pytest.raises(ShapeError, match=f"avg_pool: .*{message}"):
        nn.avg_pool(LINE, window, **options)
    options.pop("count_include_pad", None)
    with pytest.raises(ShapeError, match=f"max_pool: .*{message}"):
        nn.max_pool(LINE, window, **options)
    with pytest.raises(ShapeError, match="a window 2 does not fit shape"):
        nn.max_pool(LINE[0], 2)


def test_errors_are_the_same_where_values_are_unknown() -> None:
    with pytest.raises(ShapeError, match="conv: channels differ: x has 3"):
        pb.vmap(lambda x: nn.conv(x, np.zeros((1, 2, 3))))(LINE)
