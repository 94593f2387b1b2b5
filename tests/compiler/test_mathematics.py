"""The functions of `compiler.llvm.mathematics`, against mpmath, NumPy and SciPy."""

from __future__ import annotations

import functools
import math
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final  # noqa: TID251  # mpmath has no types

import mpmath
import numpy as np
import pytest
import scipy.special
from attrs import frozen
from numpy.typing import NDArray

from pullback.compiler.llvm import mathematics as m
from tests.compiler.loops import Floats, Machine, assembly, compiled

Doubles = NDArray[np.float64]
Exact = Callable[..., Any]  # mpmath has no types


@frozen
class Case:
    """A function, its exact value, and its value by NumPy in double precision."""

    formula: m.Formula
    exact: Exact
    numpy: Callable[..., Any]
    count: int = 1

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.formula.__name__)


def _sigmoid(x: Doubles) -> Doubles:
    z = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, z, 1) / (1 + z))


def _real(f: Exact) -> Exact:
    """Return nan off the real domain."""

    def real(*x: object) -> object:
        try:
            y = f(*x)
        except (ValueError, ZeroDivisionError):
            return mpmath.nan
        return mpmath.nan if isinstance(y, mpmath.mpc) else y

    return real


mp = mpmath.mp
CASES: Final = [
    Case(m.exp, mp.exp, np.exp),
    Case(m.exp2, lambda x: mp.mpf(2) ** x, np.exp2),
    Case(m.expm1, mp.expm1, np.expm1),
    Case(m.log, mp.log, np.log),
    Case(m.log2, lambda x: mp.log(x) / mp.ln2, np.log2),
    Case(m.log10, lambda x: mp.log(x) / mp.ln10, np.log10),
    Case(m.log1p, mp.log1p, np.log1p),
    Case(m.sin, mp.sin, np.sin),
    Case(m.cos, mp.cos, np.cos),
    Case(m.tan, mp.tan, np.tan),
    Case(m.asin, mp.asin, np.arcsin),
    Case(m.acos, mp.acos, np.arccos),
    Case(m.atan, mp.atan, np.arctan),
    Case(m.atan2, mp.atan2, np.arctan2, 2),
    Case(m.sinh, mp.sinh, np.sinh),
    Case(m.cosh, mp.cosh, np.cosh),
    Case(m.tanh, mp.tanh, np.tanh),
    Case(m.asinh, mp.asinh, np.arcsinh),
    Case(m.acosh, mp.acosh, np.arccosh),
    Case(m.atanh, mp.atanh, np.arctanh),
    Case(m.sqrt, mp.sqrt, np.sqrt),
    Case(m.rsqrt, lambda x: 1 / mp.sqrt(x), lambda x: 1 / np.sqrt(x)),
    Case(m.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x)), np.cbrt),
    Case(m.pow, mp.power, np.power, 2),
    Case(m.hypot, mp.hypot, np.hypot, 2),
    Case(m.erf, mp.erf, scipy.special.erf),
    Case(m.erfc, lambda x: mp.erfc(x) if x < 40 else mp.zero, scipy.special.erfc),
    Case(m.sigmoid, lambda x: 1 / (1 + mp.exp(-x)), _sigmoid),
    Case(
        m.softplus,
        lambda x: mp.log1p(mp.exp(x)) if x < 99 else x + mp.exp(-x),
        lambda x: np.logaddexp(x, 0.0),
    ),
    Case(
        m.log_sigmoid,
        lambda x: -mp.log1p(mp.exp(-x)) if x > -99 else x - mp.exp(x),
        lambda x: -np.logaddexp(-x, 0.0),
    ),
]
BY_NAME: Final = {case.name: case for case in CASES}
NAMES: Final = list(BY_NAME)
#: The functions whose code without `guards` is slower.
ANGLES: Final = ("sin", "cos", "tan")
EVERYWHERE: Final = (
    *(0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0),
    *(5e-324, -5e-324, 2.0**-1022, -(2.0**-1022), sys.float_info.max, -sys.float_info.max),
)


@pytest.fixture(autouse=True)
def _overflow_is_no_warning() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def _doubles(seed: int) -> Doubles:
    """Return numbers of every magnitude, common ones, and neighbours of the reductions' borders."""
    rng = np.random.default_rng(seed)
    fractions = rng.uniform(1, 2, 1024) * rng.choice([-1, 1], 1024)
    exponents = np.arange(-1074, 1022, 2.05).astype(int)
    everywhere = np.ldexp(fractions[: exponents.size], exponents)
    common = np.concatenate([rng.uniform(-a, a, 150) for a in (1.0, 4.0, 30.0, 750.0)])
    near_one = 1 + rng.choice([-1, 1], 100) * 2.0 ** rng.uniform(-53, -1, 100)
    angles = rng.integers(-(10**6), 10**6, 100) * (math.pi / 4)
    halves = rng.integers(-2100, 2100, 100) * (math.log(2) / 2)
    borders = np.array([0.55, 0.625, 0.875, 2**0.5, 2**-0.5, 2**0.5 - 1, 709.78, 710.47, -745.13])
    exact = np.concatenate([angles, halves, borders, 1 / borders])
    around = np.concatenate([np.nextafter(exact, -np.inf), exact, np.nextafter(exact, np.inf)])
    return np.concatenate([everywhere, common, near_one, around])


@functools.cache
def _operands(name: str) -> tuple[Doubles, ...]:
    x = _doubles(1)
    if BY_NAME[name].count == 1:
        return (x,)
    rng = np.random.default_rng(2)
    x = np.concatenate([x, x])
    if name != "pow":
        return x, np.concatenate([rng.permutation(x[: x.size // 2]), x[: x.size // 2]])
    # Powers of every magnitude, from bases of every magnitude and from bases near 1.
    x = np.abs(x)
    y = rng.uniform(-1085, 1035, x.size) / np.log2(x)
    return x, np.where(np.isfinite(y), y, 1.5)


@functools.cache
def _exact(name: str) -> list[Any]:
    exact = _real(BY_NAME[name].exact)
    with mpmath.workprec(140):
        return [
            exact(*(mpmath.mpf(float(v)) for v in row))
            for row in zip(*_operands(name), strict=True)
        ]


def _exact_errors(values: Floats, exact: list[Any]) -> Doubles:
    """Return the errors in units in the last place; at most 1 where an overflow is a rounding."""
    errors = []
    with mpmath.workprec(140):
        for value, y in zip(values.tolist(), exact, strict=True):
            unit = mpmath.ldexp(1, max(_exponent(y) - 53, -1074))
            largest = mpmath.ldexp(1, 1024)
            match = (math.isnan(value) and mpmath.isnan(y)) or (
                math.isinf(value) and abs(y) >= largest - unit / 2 and (value > 0) == (y > 0)
            )
            errors.append(0.0 if match else float(abs(mpmath.mpf(value) - y) / unit))
    return np.array(errors)


def _exponent(y: Any) -> int:  # noqa: ANN401  # a number of mpmath's
    return -2000 if y == 0 or not mpmath.isfinite(y) else min(int(mpmath.frexp(y)[1]), 1024)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_double_precision_is_within_two_units(name: str, *, fused: bool) -> None:
    case = BY_NAME[name]
    operands = _operands(name)
    values = compiled(case.formula, "f64", case.count, fused=fused)(*operands)
    errors = _exact_errors(values, _exact(name))
    worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    assert errors[worst] <= 2, [float(x[worst]) for x in operands]


def _singles() -> Floats:
    """Return each 40009th number in single precision, specials, and many common ones."""
    strided = np.arange(0, 2**32, 40009, dtype=np.uint32).view(np.float32)
    common = np.random.default_rng(3).uniform(-12, 12, 30000).astype(np.float32)
    return np.concatenate([strided, common, np.array(EVERYWHERE, np.float32)])


def _errors_of_singles(values: Floats, expected: Doubles) -> Doubles:
    """Return the errors in units in the last place of single precision."""
    rounded = expected.astype(np.float32)
    unit = np.spacing(np.abs(rounded)).astype(np.float64)
    errors = np.abs(values - expected) / unit
    same = (values == rounded) | (np.isnan(values) & np.isnan(rounded))
    return np.where(same & ~np.isfinite(errors), 0.0, errors)


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_is_within_two_units(name: str) -> None:
    case = BY_NAME[name]
    x = _singles()
    operands = (x, np.random.default_rng(4).permutation(x))[: case.count]
    expected = case.numpy(*(v.astype(np.float64) for v in operands))
    errors = _errors_of_singles(compiled(case.formula, "f32", case.count)(*operands), expected)
    worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    assert errors[worst] <= 2, [float(v[worst]) for v in operands]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_special_values_are_numpys(name: str, *, fused: bool) -> None:
    case = BY_NAME[name]
    x = np.array(EVERYWHERE)
    operands = (x,) if case.count == 1 else (np.repeat(x, x.size), np.tile(x, x.size))
    expected = case.numpy(*operands)
    values = compiled(case.formula, "f64", case.count, fused=fused)(*operands)
    np.testing.assert_array_max_ulp(values, expected, maxulp=4)
    signed = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(values[signed]), np.signbit(expected[signed]))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("name", ANGLES)
def test_quick_angles_are_within_two_units_or_guarded(name: str, *, fused: bool) -> None:
    case = BY_NAME[name]
    (x,) = _operands(name)
    ordinary = np.abs(x) < 2.0**20
    loop = compiled(case.formula, "f64", fused=fused, quick=True)
    values, met = loop.run(x[ordinary])
    exact = [y for y, is_ordinary in zip(_exact(name), ordinary, strict=True) if is_ordinary]
    assert _exact_errors(values, exact).max() <= 2
    assert not met
    assert all(loop.run(np.array([1.0, huge]))[1] for huge in x[np.abs(x) > 2.0**20])
    singles = _singles()
    singles = singles[np.abs(singles) < 2.0**20]
    values, met = compiled(case.formula, "f32", fused=fused, quick=True).run(singles)
    assert _errors_of_singles(values, case.numpy(singles.astype(np.float64))).max() <= 2
    assert not met


def test_angles_next_to_multiples_of_half_a_turn_are_right() -> None:
    # The double nearest to a multiple of π/2: J.-M. Muller, "Elementary Functions" (3rd ed. 2016).
    x = np.array([6381956970095103 * 2.0**797, -6381956970095103 * 2.0**797, 2.0**1023, 1e22])
    with mpmath.workprec(1400):
        exact = [mpmath.cos(mpmath.mpf(v)) for v in x.tolist()]
    assert float(exact[0]) == pytest.approx(-4.687165924254624e-19)
    assert _exact_errors(compiled(m.cos, "f64")(x), exact).max() <= 2


ROUNDED: Final[dict[str, tuple[m.Formula, Callable[..., Any], int]]] = {
    "rint": (m.rint, np.rint, 1),
    "floor": (m.floor, np.floor, 1),
    "ceil": (m.ceil, np.ceil, 1),
    "trunc": (m.trunc, np.trunc, 1),
    "sign": (m.sign, np.sign, 1),
    "copysign": (m.copysign, np.copysign, 2),
    "fmod": (m.fmod, np.fmod, 2),
    "remainder": (m.remainder, np.remainder, 2),
    "floor_divide": (m.floor_divide, np.floor_divide, 2),
}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("form", ["f32", "f64"])
@pytest.mark.parametrize("name", ROUNDED)
def test_exact_functions_are_numpys_bit_for_bit(name: str, form: str, *, fused: bool) -> None:
    formula, reference, count = ROUNDED[name]
    operands = _divisions(form)[:count]
    expected = reference(*operands)
    _assert_same(compiled(formula, form, count, fused=fused)(*operands), expected)


@pytest.mark.parametrize("form", ["f32", "f64"])
@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
def test_quick_remainders_are_numpys_or_guarded(name: str, form: str) -> None:
    formula, reference, _ = ROUNDED[name]
    x, y = _divisions(form)
    limit = 2.0 ** (24 if form == "f32" else 53)
    ordinary = ~(np.abs(x / y) > limit / 2) & np.isfinite(x)
    expected = reference(x[ordinary], y[ordinary])
    loop = compiled(formula, form, 2, quick=True)
    values, met = loop.run(x[ordinary], y[ordinary])
    _assert_same(values, expected)
    assert not met
    assert loop.run(np.array([limit * 3]), np.array([1.0]))[1]


def _divisions(form: str) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(5)
    x = _doubles(6)
    special = np.array(EVERYWHERE)
    halves = rng.integers(-40, 40, 2000) / 2
    left = np.concatenate([x, x, np.repeat(special, special.size), halves])
    right = np.concatenate(
        [rng.permutation(x), x * rng.uniform(-3, 3), np.tile(special, special.size), -halves[::-1]]
    )
    dtype = np.float32 if form == "f32" else np.float64
    return left.astype(dtype), right.astype(dtype)


def _assert_same(values: Floats, expected: Floats) -> None:
    np.testing.assert_array_equal(values, expected)
    signed = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(values[signed]), np.signbit(expected[signed]))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("exponent", [-9, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 13, 64, 1_000_003])
def test_integer_powers_are_within_two_units(exponent: int, *, fused: bool) -> None:
    x = _doubles(7)[::4]
    rng = np.random.default_rng(8)
    edges = 2.0 ** (rng.uniform(-1085, 1035, 200) / max(abs(exponent), 2))
    x = np.concatenate([x, edges, -edges])
    formula = functools.partial(m.integer_power, exponent=exponent)
    with mpmath.workprec(140):
        exact = [mpmath.mpf(float(v)) ** exponent for v in x]
    assert _exact_errors(compiled(formula, "f64", fused=fused)(x), exact).max() <= 2
    special = np.array([0.0, -0.0, math.inf, -math.inf, math.nan])
    expected = np.power(special, float(exponent))
    _assert_same(compiled(formula, "f64", fused=fused)(special), expected)
    singles = _singles()[::10]
    powers = np.power(singles.astype(np.float64), float(exponent))
    values = compiled(formula, "f32", fused=fused)(singles)
    assert _errors_of_singles(values, powers).max() <= 2


@pytest.mark.parametrize("base", [2, math.e])
def test_logarithms_of_sums_are_within_two_units_of_their_larger_term(base: float) -> None:
    formula, reference = (m.logaddexp2, np.logaddexp2) if base == 2 else (m.logaddexp, np.logaddexp)
    rng = np.random.default_rng(9)
    x = rng.uniform(-3, 3, 500) * rng.choice([1e-3, 1, 10, 100], 500)
    y = np.concatenate([x[:100], x[:200] + rng.uniform(-1, 1, 200), rng.uniform(-40, 40, 200)])
    values = compiled(formula, "f64", 2)(x, y)
    with mpmath.workprec(140):
        b = mpmath.mpf(2) if base == 2 else mpmath.e
        pairs = [
            (mpmath.mpf(v), mpmath.mpf(w)) for v, w in zip(x.tolist(), y.tolist(), strict=True)
        ]
        exact = [mpmath.log(b**v + b**w, b) for v, w in pairs]
        second = [abs(e - max(pair)) for e, pair in zip(exact, pairs, strict=True)]
        units = np.spacing(
            [max(abs(float(e)), float(t)) for e, t in zip(exact, second, strict=True)]
        )
        errors = [
            float(abs(mpmath.mpf(v) - e)) for v, e in zip(values.tolist(), exact, strict=True)
        ]
    assert (np.array(errors) / units).max() <= 2
    special = np.array([math.inf, -math.inf, math.nan, 0.0, 1e308])
    left, right = np.repeat(special, 5), np.tile(special, 5)
    expected = reference(left, right)
    np.testing.assert_array_max_ulp(compiled(formula, "f64", 2)(left, right), expected, maxulp=2)


#: Machines, what only vectorised code has there (wide registers; loads of several numbers), calls.
MACHINES: Final = {
    "avx2": (Machine("x86_64-unknown-linux-gnu", "x86-64-v3"), r"%ymm", r"callq?"),
    "avx512": (Machine("x86_64-unknown-linux-gnu", "znver4"), r"%zmm", r"callq?"),
    "sse2": (Machine("x86_64-unknown-linux-gnu", "x86-64", fused=False), r"movup[ds]\s", r"callq?"),
    "neon": (Machine("aarch64-unknown-linux-gnu", "generic"), r"ld[rp]\s+q", r"bl"),
}
FORMULAS: Final = {case.name: (case.formula, case.count) for case in CASES} | {
    name: (formula, count) for name, (formula, _, count) in ROUNDED.items()
}
#: Without guards these call the C library.
CALLING: Final = ("fmod", "remainder", "floor_divide")


def _assert_vectorised(name: str, machine: str, form: str, *, quick: bool) -> None:
    formula, count = FORMULAS[name]
    on, packed, call = MACHINES[machine]
    text = assembly(formula, form, count, on, quick=quick)
    assert re.search(packed, text)
    assert not re.search(rf"^\s+{call}\s", text, re.MULTILINE)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", FORMULAS)
def test_loops_with_guards_vectorise_without_calls(name: str, machine: str) -> None:
    if name in CALLING and not MACHINES[machine][0].fused:
        pytest.skip("without a fused multiply-add, remainders are the C library's")
    _assert_vectorised(name, machine, "f32" if machine == "avx512" else "f64", quick=True)


@pytest.mark.parametrize("machine", ["avx2", "avx512"])
@pytest.mark.parametrize("form", ["f32", "f64"])
@pytest.mark.parametrize("name", ANGLES)
def test_complete_angles_vectorise_where_gathers_exist(name: str, form: str, machine: str) -> None:
    _assert_vectorised(name, machine, form, quick=False)
