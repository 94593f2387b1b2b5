"""Functions of science and statistics: options, cross-entropy, an orbit, a mixture of normals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import jax
import numba
import numpy as np
import torch
from scipy import special
from torch.nn import functional

from benchmarks.compiled.libraries import (
    LIBRARIES,
    Function,
    Library,
    tensors,
    torch_compiled,
    torch_jobs,
)
from benchmarks.compiled.rows import AnyArray, Bar, Effort, Row, agree, measure
from benchmarks.timing import Job

# ------------------------------------------------------------------------------------- options

OPTIONS: Final = 1_000_000


def options_data() -> AnyArray:
    """Return spots, strikes, years, rates and volatilities."""
    r = np.random.default_rng(0)
    ranges = (80.0, 120.0), (80.0, 120.0), (0.1, 2.0), (0.0, 0.1), (0.1, 0.5)
    return tuple(r.uniform(low, high, OPTIONS) for low, high in ranges)


def prices(xp: AnyArray, ndtr: Function) -> Function:
    """Return the price of European calls (Black and Scholes, 1973, eq. 13)."""

    def price(
        spot: AnyArray, strike: AnyArray, years: AnyArray, rate: AnyArray, volatility: AnyArray
    ) -> AnyArray:
        spread = volatility * xp.sqrt(years)
        d1 = (xp.log(spot / strike) + (rate + volatility * volatility / 2) * years) / spread
        return spot * ndtr(d1) - strike * xp.exp(-rate * years) * ndtr(d1 - spread)

    return price


def greeks(library: Library) -> Function:
    """Return prices, delta, theta, rho, vega and gamma, all but the prices by grad."""
    price, xp = prices(library.xp, library.special.ndtr), library.xp

    def total(changing: AnyArray, strike: AnyArray) -> AnyArray:
        spot, years, rate, volatility = changing
        value = price(spot, strike, years, rate, volatility)
        return xp.sum(value), value

    def run(spot: AnyArray, strike: AnyArray, *others: AnyArray) -> AnyArray:
        slopes = library.value_and_grad(total, has_aux=True)
        (_, value), first = slopes((spot, *others), strike)
        delta = library.grad(lambda spot: total((spot, *others), strike)[0])
        gamma = library.grad(lambda spot: xp.sum(delta(spot)))(spot)
        return (value, *first, gamma)

    return library.jit(run)


def numpy_greeks(
    spot: AnyArray, strike: AnyArray, years: AnyArray, rate: AnyArray, volatility: AnyArray
) -> AnyArray:
    """Return the same by the closed forms."""
    root = np.sqrt(years)
    spread = volatility * root
    d1 = (np.log(spot / strike) + (rate + volatility * volatility / 2) * years) / spread
    d2 = d1 - spread
    discounted = strike * np.exp(-rate * years)
    delta, below = special.ndtr(d1), special.ndtr(d2)
    density = np.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)
    value = spot * delta - discounted * below
    theta = spot * density * volatility / (2 * root) + rate * discounted * below
    rho = discounted * years * below
    return value, delta, theta, rho, spot * density * root, density / (spot * spread)


def _one_option(s: float, k: float, t: float, r: float, v: float) -> AnyArray:
    root = math.sqrt(t)
    spread = v * root
    d1 = (math.log(s / k) + (r + v * v / 2) * t) / spread
    discounted = k * math.exp(-r * t)
    delta = 0.5 * math.erfc(-d1 * math.sqrt(0.5))
    below = 0.5 * math.erfc((spread - d1) * math.sqrt(0.5))
    density = math.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)
    theta = s * density * v / (2 * root) + r * discounted * below
    return (
        *(s * delta - discounted * below, delta, theta),
        *(discounted * t * below, s * density * root, density / (s * spread)),
    )


def numba_greeks() -> Function:
    """Return the closed forms as a loop of Numba on all cores."""
    one = numba.njit(_one_option)

    def loop(s: AnyArray, k: AnyArray, t: AnyArray, r: AnyArray, v: AnyArray) -> AnyArray:
        out = np.empty((6, s.size))
        for i in numba.prange(s.size):
            out[0, i], out[1, i], out[2, i], out[3, i], out[4, i], out[5, i] = one(
                s[i], k[i], t[i], r[i], v[i]
            )
        return out

    compiled = numba.njit(loop, parallel=True)
    return lambda *data: tuple(compiled(*data))


def torch_greeks(*data: AnyArray) -> AnyArray:
    """Return the same by PyTorch's derivatives."""
    spot, strike, *others = data
    changing = [x.detach().requires_grad_() for x in (spot, *others)]
    price = prices(torch, torch.special.ndtr)
    value = price(changing[0], strike, *changing[1:])
    first = torch.autograd.grad(value.sum(), changing, create_graph=True)
    (gamma,) = torch.autograd.grad(first[0].sum(), changing[0])
    return value, *first, gamma


def options(effort: Effort) -> Iterator[Row]:
    """Measure prices and Greeks of a million options."""
    data = options_data()
    held = tensors(data)
    jobs: dict[str, Job] = {
        name: called(library, greeks(library), data) for name, library in LIBRARIES.items()
    }
    looped = numba_greeks()
    jobs["NumPy"] = lambda: numpy_greeks(*data)
    jobs["numba, 2 threads"] = lambda: looped(*data)
    jobs |= torch_jobs(lambda: torch_greeks(*held))
    agree(jobs, 1e-9)
    bars = Bar(0.7, ("JAX",)), Bar(0.15, ("NumPy",))
    title = "Black-Scholes prices and Greeks, 10^6 options, f64"
    note = "torch.compile does not differentiate twice"
    yield Row(title, measure(jobs, effort), "ms", bars, (note,))


def called(library: Library, function: Function, data: AnyArray) -> Job:
    """Return a call of a compiled function."""
    held = library.arrays(data)
    return lambda: library.wait(function(*held))


# ------------------------------------------------------------------------------- cross-entropy


def entropy(library: Library) -> Function:
    """Return the mean cross-entropy of scores and labels, and its gradient, compiled."""
    xp = library.xp

    def loss(scores: AnyArray, labels: AnyArray) -> AnyArray:
        chosen = xp.take_along_axis(library.nn.log_softmax(scores), labels[:, None], axis=1)
        return -xp.mean(chosen)

    return library.jit(library.value_and_grad(loss))


def numpy_entropy(scores: AnyArray, labels: AnyArray) -> AnyArray:
    """Return the same, derivatives by hand."""
    rows = np.arange(len(labels))
    z = scores - scores.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
    e /= total
    e[rows, labels] -= 1
    e /= np.float32(len(labels))
    return loss, e


def torch_entropy(scores: AnyArray, labels: AnyArray) -> AnyArray:
    """Return the same of tensors."""
    x = scores.detach().requires_grad_()
    loss = functional.cross_entropy(x, labels)
    return loss, torch.autograd.grad(loss, x)[0]


def torch_entropy_step(scores: list[AnyArray], labels: AnyArray) -> AnyArray:
    """Return the same as a function, to be compiled."""
    return torch.func.grad_and_value(functional.cross_entropy)(scores[0], labels)[::-1]


def cross_entropy(effort: Effort) -> Iterator[Row]:
    """Measure value and gradient of the cross-entropy of 4096 rows of 1000 scores."""
    r = np.random.default_rng(0)
    data = r.standard_normal((4096, 1000)).astype("f4"), r.integers(0, 1000, 4096)
    held = tensors(data)
    jobs: dict[str, Job] = {
        name: called(library, entropy(library), data) for name, library in LIBRARIES.items()
    }
    jobs["NumPy"] = lambda: numpy_entropy(*data)
    jobs |= torch_jobs(lambda: torch_entropy(*held))
    jobs |= torch_compiled(effort, torch_entropy_step, data[:1], data[1:])
    agree(jobs, 1e-4)
    title = "softmax cross-entropy 4096 x 1000, f32, value and gradient"
    yield Row(title, measure(jobs, effort), "ms", (Bar(0.8, ("JAX", "PyTorch")),))


# --------------------------------------------------------------------------------------- orbit

STEPS: Final = 10_000
DT: Final = 0.001
PREY: Final = np.array([1.5, 1.0, 1.0, 3.0])


def slopes(p: AnyArray, x: AnyArray, y: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return what Lotka's and Volterra's equations say of the change of both kinds."""
    return p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y


def orbit(library: Library) -> Function:
    """Return an end of an orbit by Runge and Kutta's method, and its gradient, compiled."""

    def end(p: AnyArray) -> AnyArray:
        def step(state: AnyArray, _: None) -> AnyArray:
            x, y = state
            a, b = slopes(p, x, y)
            c, d = slopes(p, x + DT / 2 * a, y + DT / 2 * b)
            e, f = slopes(p, x + DT / 2 * c, y + DT / 2 * d)
            g, h = slopes(p, x + DT * e, y + DT * f)
            x = x + DT / 6 * (a + 2 * c + 2 * e + g)
            return (x, y + DT / 6 * (b + 2 * d + 2 * f + h)), None

        (x, y), _ = library.scan(step, (1.0, 1.0), None, STEPS)
        return x + y

    return library.jit(library.value_and_grad(end))


def _sensitive(p: AnyArray, z: AnyArray, out: AnyArray) -> None:
    """Write the slopes of a state and of its derivatives in the four parameters."""
    x, y = z[0], z[1]
    out[0], out[1] = p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y
    for k in range(4):
        u, v = z[2 + k], z[6 + k]
        out[2 + k] = (p[0] - p[1] * y) * u - p[1] * x * v
        out[6 + k] = p[2] * y * u + (p[2] * x - p[3]) * v
    out[2] += x
    out[3] -= x * y
    out[8] += x * y
    out[9] -= y


def numba_orbit() -> Function:
    """Return the same with the equations of the derivatives by hand, forwards."""
    sensitive = numba.njit(_sensitive)

    def end(p: AnyArray) -> AnyArray:
        z = np.zeros(10)
        z[0] = z[1] = 1.0
        k = np.zeros((4, 10))
        for _ in range(STEPS):
            sensitive(p, z, k[0])
            sensitive(p, z + DT / 2 * k[0], k[1])
            sensitive(p, z + DT / 2 * k[1], k[2])
            sensitive(p, z + DT * k[2], k[3])
            z += DT / 6 * (k[0] + 2 * k[1] + 2 * k[2] + k[3])
        return z[0] + z[1], z[2:6] + z[6:]

    compiled: Function = numba.njit(end)
    return compiled


def lotka_volterra(effort: Effort) -> Iterator[Row]:
    """Measure the gradient of an orbit of 10^4 steps."""
    jobs: dict[str, Job] = {
        name: called(library, orbit(library), (PREY,)) for name, library in LIBRARIES.items()
    }
    looped = numba_orbit()
    jobs["numba, sensitivities"] = lambda: looped(PREY)
    agree(jobs, 1e-8)
    title = "Lotka-Volterra, 10^4 Runge-Kutta steps in a scan, gradient"
    note = "eager PyTorch needs seconds"
    yield Row(title, measure(jobs, effort), "us", (Bar(0.3, ("JAX",)),), (note,))


# ------------------------------------------------------------------------- mixture of normals

DIMENSION: Final = 10
NORMALS: Final = 25
POINTS: Final = 1000
GAMMA: Final = 1.0  # of the Wishart prior
DEGREES: Final = 0
LOWER: Final = np.tril_indices(DIMENSION, -1)


def mixture_data() -> AnyArray:
    """Return weights, means, and inverse factors: logarithms of the diagonal, and what is below."""
    r = np.random.default_rng(0)
    below = DIMENSION * (DIMENSION - 1) // 2
    parts = (NORMALS,), (NORMALS, DIMENSION), (NORMALS, DIMENSION), (NORMALS, below)
    params = tuple(r.standard_normal(shape) / 2 for shape in parts)
    return params, r.standard_normal((POINTS, DIMENSION))


def likelihood(xp: AnyArray, factors: Function, logsumexp: Function) -> Function:
    """Return the likelihood of a mixture of normals with a Wishart prior (Srajer et al., 2018)."""
    n, p, m = POINTS, DIMENSION, DEGREES + DIMENSION + 1
    gammas = special.multigammaln(m / 2, p)
    constant = m * p * (math.log(GAMMA) - 0.5 * math.log(2)) - gammas
    offset = -n * p * 0.5 * math.log(2 * math.pi) - NORMALS * constant

    def value(params: AnyArray, points: AnyArray) -> AnyArray:
        alphas, means, logs, below = params
        diagonal = xp.exp(logs)
        centred = points[:, None, :] - means
        z = xp.einsum("kij,nkj->nki", factors(diagonal, below), centred)
        weights = alphas + xp.sum(logs, -1)
        inner = xp.sum(logsumexp(weights - 0.5 * xp.sum(z * z, -1), -1))
        squares = xp.sum(diagonal * diagonal) + xp.sum(below * below)
        prior = 0.5 * GAMMA**2 * squares - DEGREES * xp.sum(logs)
        return offset + inner - n * logsumexp(alphas, -1) + prior

    return value


def mixture(library: Library) -> Function:
    """Return the likelihood and its gradient, compiled."""
    xp = library.xp
    logsumexp = jax.scipy.special.logsumexp if xp is jax.numpy else xp.logsumexp

    def factors(diagonal: AnyArray, below: AnyArray) -> AnyArray:
        empty = xp.zeros((NORMALS, DIMENSION, DIMENSION))
        lower = empty.at[:, LOWER[0], LOWER[1]].set(below)
        return lower + diagonal[:, :, None] * xp.eye(DIMENSION)

    value = likelihood(xp, factors, lambda x, axis: logsumexp(x, axis=axis))
    return library.jit(library.value_and_grad(value))


def torch_factors(diagonal: AnyArray, below: AnyArray) -> AnyArray:
    """Return inverse factors of covariances."""
    empty = torch.zeros((NORMALS, DIMENSION, DIMENSION), dtype=below.dtype)
    rows, columns = (torch.from_numpy(index) for index in LOWER)
    return empty.index_put((torch.arange(NORMALS)[:, None], rows, columns), below) + (
        torch.diag_embed(diagonal)
    )


TORCH_LIKELIHOOD: Final = likelihood(torch, torch_factors, torch.logsumexp)


def torch_mixture(params: list[AnyArray], points: AnyArray) -> AnyArray:
    """Return the likelihood of tensors and its gradient."""
    now = [p.detach().requires_grad_() for p in params]
    value = TORCH_LIKELIHOOD(now, points)
    return value, torch.autograd.grad(value, now)


def torch_mixture_step(params: list[AnyArray], points: AnyArray) -> AnyArray:
    """Return the same as a function, to be compiled."""
    return torch.func.grad_and_value(TORCH_LIKELIHOOD)(params, points)[::-1]


def numpy_mixture(params: AnyArray, points: AnyArray) -> AnyArray:
    """Return the same, derivatives by hand."""
    _, means, logs, below = params
    factors = np.zeros((NORMALS, DIMENSION, DIMENSION))
    factors[:, LOWER[0], LOWER[1]] = below
    diagonal = np.exp(logs)
    factors += diagonal[:, :, None] * np.eye(DIMENSION)
    held: list[AnyArray] = [None]

    def remember(x: AnyArray, axis: int) -> AnyArray:
        top = x.max(axis=axis, keepdims=True)
        e = np.exp(x - top)
        total = e.sum(axis=axis, keepdims=True)
        held.append(e / total)
        return (top + np.log(total)).squeeze(axis)

    value = likelihood(np, lambda *_: factors, remember)(params, points)
    _, shares, priors = held
    centred = np.moveaxis(points[:, None, :] - means, 0, 1)  # of (NORMALS, POINTS, DIMENSION)
    z = centred @ factors.transpose(0, 2, 1)
    weighted = z * shares.T[:, :, None]
    slopes = -weighted.transpose(0, 2, 1) @ centred
    total = shares.sum(axis=0)
    grads = (
        total - POINTS * priors,
        np.matmul(weighted.sum(axis=1)[:, None, :], factors)[:, 0],
        np.einsum("kii->ki", slopes) * diagonal
        + total[:, None]
        + GAMMA**2 * diagonal * diagonal
        - DEGREES,
        slopes[:, LOWER[0], LOWER[1]] + GAMMA**2 * below,
    )
    return value, grads


def gmm(effort: Effort) -> Iterator[Row]:
    """Measure the gradient of the likelihood of a mixture of normals, as ADBench has it."""
    data = mixture_data()
    params, points = tensors(data[0]), tensors(data[1])[0]
    jobs: dict[str, Job] = {
        name: called(library, mixture(library), data) for name, library in LIBRARIES.items()
    }
    jobs["NumPy"] = lambda: numpy_mixture(*data)
    jobs |= torch_jobs(lambda: torch_mixture(params, points))
    jobs |= torch_compiled(effort, torch_mixture_step, data[0], data[1:])
    agree(jobs, 1e-9)
    title = "likelihood of a mixture of normals (d 10, K 25, n 1000), gradient"
    yield Row(title, measure(jobs, effort), "ms", (Bar(0.7, ("JAX",)),))
