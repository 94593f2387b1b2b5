"""The error function and its complement.

Near 0, a polynomial in x². Beyond, the error function is 1 - e^P(x), P near log erfc; the
complement keeps its precision as e^(-x²)·Q((x - k)/(x + k)) / (1 + 2x), after M. M. Shepherd and
J. G. Laframboise, "Chebyshev approximation of (1 + 2x)·exp(x²)·erfc x in 0 ≤ x < ∞" (1981).
"""

from __future__ import annotations

from typing import Final

from pullback.compiler.llvm.mathematics.exponential import (
    EXPONENTIAL,
    beyond_linear,
    near_one,
    reduce,
    reduce_exactly,
    scale,
)
from pullback.compiler.llvm.mathematics.formats import SINGLE, Coefficients
from pullback.compiler.llvm.mathematics.pairs import exact_product, fast_sum, quotient
from pullback.compiler.llvm.mathematics.real import Real, horner, muladd, power_of_two, where

#: Between the two approximations of erf.
BORDER: Final = 0.875
#: erf x = x + x·(p₀ + p₁·x² + ...), |x| ≤ BORDER. Minimax in the relative error, below 2^-55.1
#: (single: 2^-25.0).
NEAR: Final = Coefficients(
    double=(
        0.1283791670955126,
        -0.37612638903183737,
        0.11283791670954295,
        -0.026866170644930788,
        0.005223977622935939,
        -0.0008548326838148762,
        0.00012055324274404132,
        -1.4925380168198253e-05,
        1.645649692487083e-06,
        -1.6288160778424215e-07,
        1.4116799278086815e-08,
        -8.652005395609928e-10,
    ),
    single=(
        0.12837915122509003,
        -0.3761255145072937,
        0.11282449960708618,
        -0.02679125778377056,
        0.005031839478760958,
        -0.0006201289943419397,
    ),
)
#: log erfc x = p₀ + p₁·t + p₂·t² + ..., t = x - BORDER ≥ 0, up to where erf rounds to 1. Minimax in
#: the relative error of erf, below 2^-54.9 (single: 2^-26.1).
FAR: Final = Coefficients(
    double=(
        -1.5328244365985517,
        -2.4302197229548095,
        -0.826541693335554,
        -0.04689605452140958,
        0.01132333923165858,
        -0.002143994646735328,
        0.00020077424751499995,
        5.9319166538763404e-05,
        -3.944213919294774e-05,
        1.2266712853296292e-05,
        -2.1550365332701497e-06,
        -3.99590037565723e-08,
        1.7665022779133213e-07,
        -6.779267857818147e-08,
        1.5318441998858005e-08,
        -2.2200430120500845e-09,
        1.9173499964721477e-10,
        -7.533213986604078e-12,
    ),
    single=(
        -1.5328243970870972,
        -2.4302189350128174,
        -0.82655268907547,
        -0.04683903604745865,
        0.011199700646102428,
        -0.0020370224956423044,
        0.000200986149138771,
    ),
)
#: (1 + 2x)·exp(x²)·erfc x = p₀ + p₁·t + ..., t = (x - k)/(x + k), k = 3.5 (single: 2.5), from 0.47
#: to where erfc underflows. Minimax in the relative error, below 2^-56.3 (single, which is computed
#: in double: 2^-29.5).
TAIL: Final = Coefficients(
    double=(
        1.2423492448711544,
        -0.14000918013761943,
        -0.010555596332218352,
        0.09751909515325921,
        -0.1150895981601879,
        0.0879831538248407,
        -0.04882332582799642,
        0.01909933094290293,
        -0.004215019906760343,
        -0.000302267883185711,
        0.0005643844120310776,
        -0.00012151238106854704,
        -4.2782215636243174e-05,
        2.426076133019192e-05,
        2.3282912507779956e-06,
        -3.8139458441643476e-06,
        -4.424046213262286e-08,
        5.994920225336582e-07,
        -7.908084455119934e-09,
        -9.247065554402097e-08,
        5.601190152446913e-10,
        1.0208299201578372e-08,
    ),
    single=(
        1.2648381828597726,
        -0.1223567727897696,
        -0.09902434595710795,
        0.15763035299995437,
        -0.102971001711308,
        0.032754923647068244,
        0.0009600480673459444,
        -0.004346059685968421,
        0.00040905376973234426,
        0.0005312696022729686,
    ),
)


def erf(x: Real) -> Real:
    """Return 2/√π·∫₀ˣ exp(-t²) dt."""
    size = abs(x)
    t = size.at_most(4.0 if x.form is SINGLE else 5.95) - BORDER  # erf is 1 beyond
    r, n = reduce(horner(t, FAR.of(x.form)), x.form.bias)
    far = 1.0 - near_one(r) * power_of_two(n)
    return where(size < BORDER, _near(x), far.copysign(x))


def erfc(x: Real) -> Real:
    """Return 1 - erf x, to its own precision; in single precision, computed in double."""
    if x.form is SINGLE:
        return _complement_of_single(x.widened()).narrowed()
    size = abs(x).at_most(28.0)
    square = exact_product(size, size)
    divisor = fast_sum(size + size, size.of(1.0))  # its low part is exact where 2x ≥ 1
    t = (size - 3.5) / (size + 3.5)
    lowest, *others = TAIL.double
    ratio = quotient(fast_sum(x.of(lowest), t * horner(t, tuple(others))), divisor)
    r, n = reduce_exactly(-square.hi, 2 * x.form.bias)
    r = fast_sum(r.hi, r.lo - square.lo)
    growth = r.hi + beyond_linear(r)
    far = scale(ratio.hi + muladd(ratio.hi, growth, ratio.lo), n)
    near = (1.0 - x) - x * horner(x * x, NEAR.double)
    return where(abs(x) < 0.625, near, where(x < 0.0, 2.0 - far, far))


def _complement_of_single(x: Real) -> Real:
    size = abs(x).at_most(11.0)
    tail = horner((size - 2.5) / (size + 2.5), TAIL.single)
    r, n = reduce(-(size * size), x.form.bias)
    power = horner(r, (1.0, 1.0, 0.5, *EXPONENTIAL.single)) * power_of_two(n)
    far = power * tail / (size + size + 1.0)
    near = (1.0 - x) - x * horner(x * x, NEAR.single)
    return where(abs(x) < 0.625, near, where(x < 0.0, 2.0 - far, far))


def _near(x: Real) -> Real:
    return muladd(x, horner(x * x, NEAR.of(x.form)), x)
