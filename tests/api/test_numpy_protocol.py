"""NumPy's functions on our arrays: what NumPy gives, as an array of ours, with its derivatives.

Everything here is written with ``np.`` or ``special.`` alone.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import special

import pullback as pb
from pullback.api import numpy_ufuncs
from pullback.api.numpy_functions import functions
from pullback.core import Array, lift
from pullback.errors import ConversionError, DTypeError, PullbackError, UnsupportedError
from pullback.primitives.quantity import Value
from tests.checks import check_function
from tests.core.nodes import traced, unknown

RNG = np.random.default_rng(1)
V = RNG.uniform(0.3, 0.9, 4)
W = RNG.uniform(0.3, 0.9, 4)
M = RNG.uniform(0.3, 0.9, (3, 4))
N = RNG.uniform(0.3, 0.9, (3, 4))
S = RNG.uniform(0.3, 0.9, (3, 3))
T = RNG.uniform(0.3, 0.9, (2, 3, 4))
C = RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
POINTS = np.array([0.0, 1.0, 2.5, 4.0])

Case = tuple[Callable[..., object], Sequence[Value]]


UNARY = [
    np.absolute, np.arccos, np.arcsin, np.arcsinh, np.arctan, np.arctanh, np.cbrt, np.ceil,
    np.conjugate, np.cos, np.cosh, np.deg2rad, np.degrees, np.exp, np.exp2, np.expm1, np.fabs,
    np.floor, np.isfinite, np.isinf, np.isnan, np.log, np.log10, np.log1p, np.log2,
    np.logical_not, np.negative, np.positive, np.rad2deg, np.radians, np.reciprocal, np.rint,
    np.sign, np.signbit, np.sin, np.sinh, np.sqrt, np.square, np.tan, np.tanh, np.trunc,
    special.digamma, special.entr, special.erf, special.erfc, special.erfcx,
    special.erfinv, special.expit, special.gammaln,
    special.log_expit, special.log_ndtr, special.logit, special.ndtr, special.psi,
]  # fmt: skip
BINARY = [
    np.add, np.arctan2, np.copysign, np.divide, np.divmod, np.equal, np.floor_divide, np.fmod,
    np.greater, np.greater_equal, np.heaviside, np.hypot, np.less, np.less_equal, np.logaddexp,
    np.logaddexp2, np.logical_and, np.logical_or, np.logical_xor, np.matvec, np.maximum,
    np.minimum, np.multiply, np.nextafter, np.not_equal, np.power, np.remainder, np.subtract,
    np.vecdot, special.xlogy,
]  # fmt: skip
INTEGERS = [
    np.add, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.divide, np.floor_divide,
    np.left_shift, np.maximum, np.power, np.remainder, np.right_shift,
]  # fmt: skip
UFUNCS: dict[str, Case] = {
    **{str(f): (f, [V]) for f in UNARY},
    **{str(f): (f, [M, W]) for f in BINARY},
    **{f"{f} of integers": (f, [np.array([5, 6]), 2]) for f in INTEGERS},
    "arccosh": (np.arccosh, [V + 1]),
    "invert": (np.invert, [np.array([1, 2])]),
    "matmul": (np.matmul, [M, V]),
    "special cbrt": (special.cbrt, [V]),
    "special exp2": (special.exp2, [V]),
    "special expm1": (special.expm1, [V]),
    "special log1p": (special.log1p, [V]),
    "vecmat": (np.vecmat, [V[:3], M]),
}

FUNCTIONS: dict[str, Case] = {
    "all": (lambda x: np.all(x > 0.5, axis=0), [M]),
    "amax": (lambda x: np.amax(x, axis=1), [M]),
    "amin": (lambda x: np.amin(x, 0), [M]),
    "any": (lambda x: np.any(x > 0.5), [M]),
    "argmax": (lambda x: np.argmax(x, axis=1), [M]),
    "argmin": (np.argmin, [M]),
    "average": (lambda x, w: np.average(x, axis=1, weights=w), [M, W]),
    "count_nonzero": (lambda x: np.count_nonzero(x > 0.5, axis=0), [M]),
    "cumprod": (lambda x: np.cumprod(x, 1), [M]),
    "cumsum flat": (np.cumsum, [M]),
    "cumsum": (lambda x: np.cumsum(x, axis=0), [M]),
    "cumulative_prod": (lambda x: np.cumulative_prod(x, axis=0), [M]),
    "cumulative_sum": (lambda x: np.cumulative_sum(x, axis=0, include_initial=True), [M]),
    "max": (lambda x: np.max(x, 1, keepdims=True), [M]),
    "mean": (lambda x: np.mean(x, 0), [M]),
    "mean a": (lambda x: np.mean(a=x, axis=0), [M]),
    "mean where": (lambda x: np.mean(x, where=np.array([True, False, True, True])), [M]),
    "median even": (lambda x: np.median(x, axis=1), [M]),
    "median flat": (np.median, [M]),
    "median odd": (lambda x: np.median(x, 0, keepdims=True), [M]),
    "min": (lambda x: np.min(x, axis=(0, 1)), [M]),
    "nanmean": (lambda x: np.nanmean(np.where(x > 0.5, x, np.nan)), [M]),
    "nansum": (lambda x: np.nansum(np.where(x > 0.5, x, np.nan), axis=0), [M]),
    "linalg.norm": (np.linalg.norm, [V]),
    "linalg.norm 1": (lambda x: np.linalg.norm(x, 1, 1), [M]),
    "linalg.norm keepdims": (lambda x: np.linalg.norm(x, axis=-1, keepdims=True), [M]),
    "prod": (lambda x: np.prod(x, axis=1), [M]),
    "ptp": (lambda x: np.ptp(x, axis=1), [M]),
    "std": (lambda x: np.std(x, axis=0, ddof=1), [M]),
    "sum": (lambda x: np.sum(np.sin(x) ** 2, axis=0), [M]),
    "sum dtype": (lambda x: np.sum(x, dtype=np.float64), [M]),
    "sum of out=None": (lambda x: np.sum(x, 0, None, None, True), [M]),
    "sum where": (lambda x: np.sum(x, where=x > 0.5, initial=2.0), [M]),
    "trapezoid": (lambda y, x: np.trapezoid(y, np.cumsum(x)), [V, W]),
    "var": (lambda x: np.var(x, 1, keepdims=True), [M]),
    # -- arrangement
    "append": (lambda x, y: np.append(x, y, axis=0), [M, N]),
    "append flat": (np.append, [M, V]),
    "array_split": (lambda x: np.array_split(x, 3), [V]),
    "atleast_1d": (np.atleast_1d, [1.0]),
    "atleast_2d": (np.atleast_2d, [V, W]),
    "atleast_3d": (np.atleast_3d, [V]),
    "broadcast_arrays": (np.broadcast_arrays, [M, V]),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 4)), [V]),
    "column_stack": (lambda x, y: np.column_stack([x, y]), [V, W]),
    "concat": (lambda x, y: np.concat((x, y)), [V, W]),
    "concatenate": (lambda x, y: np.concatenate([x, y], axis=1), [M, N]),
    "concatenate positional": (lambda x, y: np.concatenate((x, y), 1), [M, N]),
    "copy": (np.copy, [M]),
    "diag": (lambda x: np.diag(x, k=1), [V]),
    "diagonal": (lambda x: np.diagonal(x, 1, 0, 1), [M]),
    "dsplit": (lambda x: np.dsplit(x, 2), [T]),
    "dstack": (lambda x, y: np.dstack([x, y]), [V, W]),
    "expand_dims": (lambda x: np.expand_dims(x, (0, 2)), [V]),
    "flip": (np.flip, [M]),
    "fliplr": (np.fliplr, [M]),
    "flipud": (np.flipud, [M]),
    "hsplit": (lambda x: np.hsplit(x, 2), [M]),
    "hsplit vector": (lambda x: np.hsplit(x, [1]), [V]),
    "hstack": (lambda x, y: np.hstack([x, y]), [V, W]),
    "linalg.diagonal": (lambda x: np.linalg.diagonal(x, offset=-1), [T]),
    "linalg.matrix_transpose": (np.linalg.matrix_transpose, [T]),
    "matrix_transpose": (np.matrix_transpose, [T]),
    "meshgrid": (lambda x, y: np.meshgrid(x, y, indexing="ij"), [V, W]),
    "moveaxis": (lambda x: np.moveaxis(x, 0, -1), [T]),
    "pad": (lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=2.0), [M]),
    "permute_dims": (lambda x: np.permute_dims(x, (2, 0, 1)), [T]),
    "ravel": (np.ravel, [M]),
    "repeat": (lambda x: np.repeat(x, 2, axis=0), [M]),
    "reshape": (lambda x: np.reshape(x, (4, -1)), [M]),
    "roll": (lambda x: np.roll(x, 1, axis=1), [M]),
    "rot90": (np.rot90, [M]),
    "split": (lambda x: np.split(x, [1, 3]), [V]),
    "squeeze": (lambda x: np.squeeze(x[None]), [V]),
    "stack": (lambda x, y: np.stack([x, y, np.ones(4)], axis=1), [V, W]),
    "swapaxes": (lambda x: np.swapaxes(x, 0, 2), [T]),
    "tile": (lambda x: np.tile(x, (2, 1)), [V]),
    "transpose": (np.transpose, [T]),
    "transpose axes": (lambda x: np.transpose(x, (1, 0, 2)), [T]),
    "tril": (np.tril, [M]),
    "triu": (lambda x: np.triu(x, 1), [M]),
    "unstack": (np.unstack, [M]),
    "vsplit": (lambda x: np.vsplit(x, 3), [M]),
    "vstack": (lambda x, y: np.vstack([x, y]), [V, W]),
    # -- selection
    "argwhere": (lambda x: np.argwhere(x > 0.5), [M]),
    "argsort": (lambda x: np.argsort(x, axis=0), [M]),
    "argsort flat": (lambda x: np.argsort(x, axis=None), [M]),
    "clip": (lambda x: np.clip(x, 0.4, 0.6), [M]),
    "clip a_min": (lambda x: np.clip(x, a_min=None, a_max=0.6), [M]),
    "clip min": (lambda x: np.clip(x, min=0.5), [M]),
    "compress": (lambda x: np.compress([True, False, True], x, axis=0), [M]),
    "flatnonzero": (lambda x: np.flatnonzero(x > 0.5), [M]),
    "interp": (lambda x, y: np.interp(x, POINTS, y), [np.array([-1.0, 0.2, 1.1, 3.9, 5.0]), V]),
    "interp ends": (lambda x: np.interp(x, POINTS, V, left=0.0, right=9.0), [np.array([-1, 9.0])]),
    "interp points": (lambda x, p: np.interp(x, np.cumsum(p), W), [np.array([0.9, 1.3]), V]),
    "nonzero": (lambda x: np.nonzero(x > 0.5), [M]),
    "searchsorted": (lambda x: np.searchsorted(POINTS, x), [V]),
    "select": (lambda x: np.select([x > 0.7, x > 0.5], [x, x**2], default=0.0), [M]),
    "sort": (lambda x: np.sort(x, axis=0), [M]),
    "sort flat": (lambda x: np.sort(x, None), [M]),
    "sort kind": (lambda x: np.sort(x, kind="stable"), [M]),
    "take": (lambda x: np.take(x, [1, 1, 3], axis=1), [M]),
    "take clip": (lambda x: np.take(x, [7, -9], 1, mode="clip"), [M]),
    "take flat": (lambda x: np.take(x, [0, 5]), [M]),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.array([[0], [3], [1]]), axis=1), [M]),
    "where": (lambda x, y: np.where(x > y, x, y * y), [M, N]),
    "where of a condition": (lambda x: np.where(x > 0.5), [M]),
    # -- products
    "convolve": (np.convolve, [V, np.array([0.5, 2.0, -1.0])]),
    "convolve same": (lambda x, y: np.convolve(x, y, "same"), [V, np.array([0.5, 2.0])]),
    "convolve valid": (lambda x, y: np.convolve(x, y, "valid"), [np.array([0.5, 2.0, 3.0]), V]),
    "cross": (np.cross, [S, N[:, :3]]),
    "cross axis": (lambda x, y: np.cross(x, y, axis=0), [M, N]),
    "dot": (np.dot, [M, V]),
    "einsum": (lambda x, y: np.einsum("ij,kj->ik", x, y, optimize=True), [M, N]),
    "inner": (np.inner, [M, V]),
    "kron": (np.kron, [M, S]),
    "linalg.cross": (np.linalg.cross, [S, N[:, :3]]),
    "linalg.matmul": (np.linalg.matmul, [M, N.T]),
    "linalg.outer": (np.linalg.outer, [V, W]),
    "linalg.tensordot": (lambda x, y: np.linalg.tensordot(x, y, axes=1), [T, N.T]),
    "linalg.trace": (np.linalg.trace, [T]),
    "linalg.vecdot": (np.linalg.vecdot, [M, N]),
    "outer": (np.outer, [V, W]),
    "tensordot": (lambda x, y: np.tensordot(x, y, axes=([1], [0])), [T, N]),
    "tensordot positional": (lambda x, y: np.tensordot(x, y, 1), [T, N.T]),
    "trace": (lambda x: np.trace(x, offset=1), [M]),
    "vdot": (np.vdot, [V, W]),
    # -- questions
    "allclose": (lambda x: np.allclose(x, V + 1e-12), [V]),
    "array2string": (lambda x: np.array2string(x, precision=2), [V]),
    "array_repr": (np.array_repr, [V]),
    "array_str": (np.array_str, [V]),
    "array_equal": (lambda x: np.array_equal(x, V), [V]),
    "isclose": (lambda x: np.isclose(x, W, atol=0.2), [V]),
    "iscomplex": (np.iscomplex, [C]),
    "iscomplexobj": (np.iscomplexobj, [C]),
    "isneginf": (np.isneginf, [V]),
    "isposinf": (np.isposinf, [np.array([np.inf, 0.0])]),
    "isreal": (np.isreal, [V]),
    "isrealobj": (np.isrealobj, [V]),
    "ndim": (np.ndim, [M]),
    "result_type": (lambda x: np.result_type(x, np.float32), [M]),
    "shape": (np.shape, [M]),
    "size": (np.size, [M]),
    "size axis": (lambda x: np.size(x, 1), [M]),
    "can_cast": (lambda x: np.can_cast(x.dtype, np.float32), [M]),
    # -- the rest
    "angle": (np.angle, [C]),
    "angle deg": (lambda x: np.angle(x, deg=True), [C]),
    "around": (lambda x: np.around(x, 1), [M]),
    "astype": (lambda x: np.astype(x, np.complex128), [M]),
    "diff": (lambda x: np.diff(x, axis=0), [M]),
    "diff n": (lambda x: np.diff(x, 2), [M]),
    "empty_like": (lambda x: np.empty_like(x) * 0, [M]),
    "fix": (np.fix, [M]),
    "full_like": (lambda x: np.full_like(x, 3.0), [M]),
    "imag": (np.imag, [C]),
    "linspace": (lambda x: np.linspace(x, 2.0, 3), [V]),
    "linspace endpoint": (lambda x: np.linspace(0.0, x, num=4, endpoint=False), [V]),
    "nan_to_num": (np.nan_to_num, [V]),
    "ones_like": (lambda x: np.ones_like(x, dtype=np.float32), [M]),
    "polyval": (np.polyval, [V, W]),
    "real": (np.real, [C]),
    "round": (lambda x: np.round(x, decimals=1), [M]),
    "sinc": (np.sinc, [np.array([0.0, 1e-9, 0.15, 0.16, -0.7, 2.5])]),
    "zeros_like": (np.zeros_like, [M]),
}

CASES = UFUNCS | FUNCTIONS


def flat(result: object) -> list[Value]:
    """The results of a function that gives one or several."""
    return list(result) if isinstance(result, (tuple, list)) else [result]


@pytest.mark.parametrize(("f", "values"), CASES.values(), ids=CASES)
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_numpy_function_gives_what_numpy_gives_as_our_array(
    f: Callable[..., object], values: Sequence[Value]
) -> None:
    expected = flat(f(*values))
    actual = flat(f(*[lift(value) for value in values]))
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected, strict=True):
        if hasattr(theirs, "dtype"):
            assert isinstance(ours, (Array, bool))
            np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-12, atol=1e-14)
            assert np.asarray(ours).dtype == theirs.dtype
        else:
            assert ours == theirs


def scalar(f: Callable[..., object]) -> Callable[..., Array]:
    """The sum of all inexact results of a function, weighted so that none cancels."""

    def total(*arrays: Array) -> Array:
        result: Array = lift(0.0)
        for i, part in enumerate(flat(f(*arrays))):
            if isinstance(part, Array) and part.dtype.kind in "fc":
                result = result + (i + 1.0) * (part * part).sum()
        return result

    return total


@pytest.mark.parametrize(("f", "values"), CASES.values(), ids=CASES)
def test_numpy_function_differentiates_twice(
    f: Callable[..., object], values: Sequence[Value]
) -> None:
    check_function(scalar(f), *values, rtol=1e-5, atol=1e-6)


VALUES_DECIDE = {
    "argwhere", "compress", "flatnonzero", "interp ends", "nonzero", "where of a condition",
    "allclose", "array2string", "array_equal", "array_repr", "array_str", "interp",
    "interp points", "searchsorted", "can_cast",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES.keys() - VALUES_DECIDE))
def test_numpy_function_infers_the_type_where_values_are_unknown(name: str) -> None:
    f, values = CASES[name]
    known = flat(f(*[lift(value) for value in values]))
    nodes = [unknown(*np.shape(value), dtype=str(lift(value).dtype)) for value in values]
    for actual, expected in zip(flat(f(*nodes)), known, strict=True):
        if isinstance(expected, Array):
            assert isinstance(actual, Array)
            assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
        else:
            assert actual == expected


def test_every_counterpart_has_a_case() -> None:
    used = {f for f, _ in UFUNCS.values()}
    assert numpy_ufuncs.numpy_ufuncs().keys() | numpy_ufuncs.scipy_ufuncs().keys() == used
    names = {name.split()[0] for name in FUNCTIONS}
    asked = {f"{f.__module__}.{f.__name__}".removeprefix("numpy.") for f in functions()}
    assert asked <= names


@pytest.mark.parametrize("function", functions(), ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_counterpart_takes_by_position_what_numpy_takes(function: Callable[..., object]) -> None:
    theirs = inspect.signature(function).parameters.values()
    ours = inspect.signature(functions()[function]).parameters.values()
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    for mine, numpys in zip(ours, theirs, strict=False):
        if mine.kind is either and numpys.kind is either:
            assert mine.name == numpys.name
            unset = numpys.default in (inspect.Parameter.empty, np._NoValue)
            assert unset or mine.default == numpys.default


# ----------------------------------------------------------------------------------- no counterpart


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("numpy.fft.fft", np.fft.fft),
        ("numpy.histogram", np.histogram),
        ("numpy.linalg.svd", np.linalg.svd),
        ("numpy.unwrap", np.unwrap),
        ("frexp", np.frexp),
        ("i0e", special.i0e),
        ("jv", lambda x: special.jv(1, x)),
        ("spacing", np.spacing),
        ("add.reduceat", lambda x: np.add.reduceat(x, [0, 1])),
        ("hypot.reduce", np.hypot.reduce),
        ("maximum.accumulate", np.maximum.accumulate),
    ],
)
@pytest.mark.parametrize("make", [lift, traced, lambda x: unknown(*x.shape)])
def test_function_without_counterpart_is_an_error_that_says_what_to_do(
    name: str, call: Callable[[Array], object], make: Callable[[Value], Array]
) -> None:
    remedies = r"np\.asarray\(stop_gradient\(x\)\).*pure_callback$"
    message = rf"^{name}: has no counterpart in pullback; .*{remedies}"
    with pytest.raises(UnsupportedError, match=message) as caught:
        call(make(V))
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("message", "call"),
    [
        (r"^numpy.sum: .*out", lambda x: np.sum(x, out=np.zeros(()))),
        (r"^add: where=.*use where\(condition, add", lambda x: np.add(x, 1, where=x > 0)),
        (
            r"^add: got an unexpected keyword argument 'casting'",
            lambda x: np.add(x, 1, casting="no"),
        ),
        (r"^reshape: order 'F'", lambda x: np.reshape(x, (2, 2), order="F")),
        (
            r"^numpy.linspace: .*'retstep'.* takes \(start",
            lambda x: np.linspace(x, 1, retstep=True),
        ),
        (r"^numpy.where: give both x and y, or neither", lambda x: np.where(x > 0, x)),
    ],
)
def test_option_without_counterpart_is_an_error_that_names_it(
    message: str, call: Callable[[Array], object]
) -> None:
    with pytest.raises((PullbackError, ValueError), match=message):
        call(traced(V))


def dispatching() -> dict[str, Callable[..., object]]:
    """Every function of NumPy that asks its arguments for a counterpart."""
    found = {}
    for module in (np, np.linalg, np.fft):
        for name in dir(module):
            function = getattr(module, name)
            if hasattr(function, "_implementation"):
                found[f"{module.__name__}.{name}"] = function
    return found


DISPATCHING = dispatching()


def floats(result: object) -> list[object]:
    """The floating ndarrays and numbers in a result."""
    if isinstance(result, (tuple, list)):
        return [bare for part in result for bare in floats(part)]
    inexact = isinstance(result, (np.ndarray, np.generic)) and result.dtype.kind in "fcO"
    return [result] if inexact or isinstance(result, (float, complex)) else []


@pytest.mark.parametrize("function", DISPATCHING.values(), ids=DISPATCHING)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_numpy_function_converts_silently(function: Callable[..., object], count: int) -> None:
    x = traced(S)
    try:
        result = function(*[x] * count)
    except (PullbackError, TypeError, ValueError):
        return
    assert floats(result) == []


def test_many_of_numpys_functions_were_asked() -> None:
    assert len(DISPATCHING) > 200


LOADED = """
import sys, numpy as np, pullback as pb
assert "pullback.api.numpy_functions" not in sys.modules
assert isinstance(np.sum(np.sin(pb.asarray([1.0]))), pb.Array)
assert "pullback.api.numpy_functions" in sys.modules
assert "scipy" not in sys.modules
"""


def test_tables_load_on_first_use_and_scipy_only_for_its_own_ufuncs() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


# ----------------------------------------------------------------------------------------- ufuncs


@pytest.mark.parametrize(
    "f",
    [
        np.add.reduce,
        lambda x: np.add.reduce(x, 1),
        lambda x: np.add.reduce(x, axis=None, keepdims=True),
        lambda x: np.add.reduce(x, axis=(0, 1), initial=2.0),
        lambda x: np.multiply.reduce(x, axis=1),
        np.maximum.reduce,
        lambda x: np.minimum.reduce(x, axis=-1),
        lambda x: np.logical_and.reduce(x > 0.4),
        lambda x: np.logical_or.reduce(x > 0.8, axis=1),
        np.add.accumulate,
        lambda x: np.add.accumulate(x, 1),
        lambda x: np.multiply.accumulate(x, axis=1),
        lambda x: np.multiply.outer(x, V),
        lambda x: np.subtract.outer(V, x),
        lambda x: np.add(x, 1, dtype=np.float32),
        lambda x: np.sqrt(x, dtype=np.float32),
        lambda x: np.add(x, 1, out=None, casting="same_kind", order="K", subok=True),
    ],
)
def test_ufunc_methods_and_options_give_what_numpy_gives(f: Callable[[Value], Value]) -> None:
    ours, theirs = f(lift(M)), f(M)
    assert isinstance(ours, Array)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6 if theirs.dtype == np.float32 else 1e-14)
    if theirs.dtype == np.float64:
        check_function(scalar(f), M)


def test_heaviside_keeps_the_dtype_and_nan() -> None:
    x, at_zero = np.array([0.0, -1.0, 2.0, np.nan], np.float32), np.float32(0.5)
    ours, theirs = np.heaviside(lift(x), at_zero), np.heaviside(x, at_zero)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_printing_functions_work_on_the_value() -> None:
    x: Value = traced(V)
    assert np.array2string(x, precision=2) == np.array2string(V, precision=2)
    x = unknown(2)
    assert np.array2string(x) == "['?' '?']"


def test_dtype_that_would_lose_something_is_an_error() -> None:
    with pytest.raises(DTypeError, match=r"^add: "):
        np.add(lift(M), 1, dtype=np.int64)


OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
OTHERS: dict[str, Value] = {
    "ndarray": W,
    "float32 ndarray": W.astype(np.float32),
    "integer ndarray": np.array([1, 2, 3, 4]),
    "ndarray of rank 0": np.array(0.5),
    "float64": np.float64(0.5),
    "float32": np.float32(0.5),
    "int64": np.int64(2),
    "bool_": np.True_,
    "list": [0.1, 0.2, 0.3, 0.4],
    "tuple": (1, 2, 3, 4),
    "float": 0.5,
    "int": 2,
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_operator_with_a_foreign_operand_gives_our_array_on_both_sides(
    operator: Callable[[Value, Value], Value], other: Value, dtype: type
) -> None:
    mine: Value = V.astype(dtype)
    for f in (operator, lambda a, b: operator(b, a)):
        ours, theirs = f(lift(mine), other), f(mine, other)
        assert isinstance(ours, Array)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_matmul_with_a_foreign_operand_gives_our_array_on_both_sides() -> None:
    for other in (S, S.tolist()):
        for ours, theirs in ((lift(S) @ other, S @ other), (other @ lift(S), other @ S)):
            assert isinstance(ours, Array)
            np.testing.assert_allclose(ours, theirs)


class Foreign:
    """An array of yet another library."""

    def __array_ufunc__(self, *arguments: object, **options: object) -> str:
        return "foreign ufunc"

    def __array_function__(self, *arguments: object, **options: object) -> str:
        return "foreign function"


def test_another_library_that_takes_part_is_left_its_turn() -> None:
    x, other = lift(V), Foreign()
    parts: Value = [x, other]
    assert np.add(*parts) == "foreign ufunc"
    assert np.stack(parts) == "foreign function"


def test_masked_array_is_an_error_not_a_loss_of_its_mask() -> None:
    with pytest.raises(DTypeError, match="mask"):
        lift(V) + np.ma.masked_array(W, W > 0.5)


def test_namespace_is_the_package() -> None:
    assert lift(1.0).__array_namespace__() is pb
    assert lift(1.0).__array_namespace__(api_version="2024.12") is pb
    with pytest.raises(UnsupportedError, match=r"'1999.12'.*2024\.12"):
        lift(1.0).__array_namespace__(api_version="1999.12")


# ------------------------------------------------------------------- functions written for NumPy


def rosenbrock(x: Value) -> Value:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def logistic_loss(w: Value) -> Value:
    labels = np.array([1.0, -1.0, 1.0])
    return np.mean(np.log1p(np.exp(-labels * np.dot(M, w)))) + 0.01 * np.linalg.norm(w) ** 2


def mixture_log_likelihood(means: Value) -> Value:
    data = np.linspace(-1, 2, 7)[:, None]
    logs = -0.5 * np.square(data - means) - 0.5 * np.log(2 * np.pi)
    top = np.max(logs, axis=1, keepdims=True)
    return np.sum(np.squeeze(top, 1) + np.log(np.sum(np.exp(logs - top), axis=1)))


def attention(q: Value) -> Value:
    scores = np.einsum("ij,kj->ik", q, M) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return np.sum(np.matmul(weights, M) ** 2)


def black_scholes(p: Value) -> Value:
    spot, volatility, rate = p[0], p[1], p[2]
    d1 = (np.log(spot / 0.9) + (rate + volatility**2 / 2)) / volatility
    return spot * special.ndtr(d1) - 0.9 * np.exp(-rate) * special.ndtr(d1 - volatility)


def pendulum(start: Value) -> Value:
    state = start
    for _ in range(10):
        angle, speed = state
        state = state + 0.1 * np.stack([speed, -np.sin(angle)])
    return np.hypot(state[0], state[1])


def total_variation(image: Value) -> Value:
    dx, dy = np.diff(image, axis=1), np.diff(image, axis=0)
    return np.sum(np.sqrt(dx[:-1] ** 2 + dy[:, :-1] ** 2 + 1e-3))


def robust_loss(x: Value) -> Value:
    r = np.abs(x - 0.5)
    return np.where(r < 0.1, 0.5 * r**2, 0.1 * (r - 0.05)).sum()


def smoothed(x: Value) -> Value:
    padded = np.pad(x, 1, mode="constant")
    return np.var(np.convolve(padded, np.array([0.25, 0.5, 0.25]), "valid"))


def quantile_like(x: Value) -> Value:
    s = np.sort(x)
    return s[1] * s[-1] + np.median(x)


def newton_sqrt(x: Value) -> Value:
    y = x
    while np.any(np.abs(y * y - x) > 1e-12):
        y = 0.5 * (y + x / y)
    return np.sum(y)


def poisson_negative_log_likelihood(rates: Value) -> Value:
    counts = np.array([0.0, 1.0, 3.0, 2.0])
    return np.sum(rates - special.xlogy(counts, rates) + special.gammaln(counts + 1))


def rotation_energy(angles: Value) -> Value:
    c, s = np.cos(angles), np.sin(angles)
    rotations = np.moveaxis(np.array([[0.0, 0.0], [0.0, 0.0]])[:, :, None] + np.reshape(
        np.concatenate([c, -s, s, c]), (2, 2, -1)), -1, 0)  # fmt: skip
    return np.trace(np.linalg.matmul(rotations[0], rotations[1]) @ S[:2, :2])


WRITTEN_FOR_NUMPY = {
    f.__name__: (f, x)
    for f, x in [
        (attention, M * 2),
        (black_scholes, np.array([1.0, 0.2, 0.05])),
        (logistic_loss, V),
        (mixture_log_likelihood, np.array([0.0, 1.0])),
        (newton_sqrt, V + 1),
        (pendulum, np.array([1.0, 0.2])),
        (poisson_negative_log_likelihood, V),
        (quantile_like, V),
        (robust_loss, V),
        (rosenbrock, V),
        (rotation_energy, np.array([0.3, 0.8])),
        (smoothed, V),
        (total_variation, M),
    ]
}


@pytest.mark.parametrize(("f", "x"), WRITTEN_FOR_NUMPY.values(), ids=WRITTEN_FOR_NUMPY)
def test_function_written_for_numpy_differentiates_unchanged(
    f: Callable[[Value], Value], x: Value
) -> None:
    numeric = [(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(x.size).reshape(-1, *x.shape)]
    gradient = pb.grad(f)(x)
    assert type(gradient) is np.ndarray
    np.testing.assert_allclose(gradient.ravel(), numeric, rtol=1e-6, atol=1e-7)
    assert isinstance(pb.grad(f)(lift(x)), Array)
    check_function(f, x, rtol=1e-5, atol=1e-6)


def test_array_of_traced_numbers_is_an_error_that_names_stack() -> None:
    def f(x: Value) -> Value:
        return np.sum(np.array([x[0], x[1]]))

    with pytest.raises(ConversionError, match=r"pullback\.stack joins several"):
        pb.grad(f)(V)
