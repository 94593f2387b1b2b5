"""The price of an option and its Greeks, which are its derivatives to second order.

`price` is plain NumPy and SciPy code of floats; so are its derivatives. `argnames` differentiates
with respect to parameters by name.
"""

from __future__ import annotations

import numpy as np
from scipy import special

import pullback as pb


def price(spot: float, strike: float, years: float, *, rate: float, volatility: float) -> float:
    """Return the price of a European call (Black and Scholes, 1973, eq. 13)."""
    spread = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
    discount = np.exp(-rate * years)
    value: float = spot * special.ndtr(d1) - strike * discount * special.ndtr(d1 - spread)
    return value


def main() -> None:
    """Print the price and the Greeks of one option."""
    delta = pb.grad(price)
    gamma = pb.grad(delta)
    theta = pb.grad(price, argnums=2)
    named = pb.grad(price, argnames=("rate", "volatility"))
    greeks = named(100.0, 110.0, 0.5, rate=0.02, volatility=0.25)
    print(f"price {price(100.0, 110.0, 0.5, rate=0.02, volatility=0.25):.6f}")
    print(f"delta {delta(100.0, 110.0, 0.5, rate=0.02, volatility=0.25):.6f}")
    print(f"gamma {gamma(100.0, 110.0, 0.5, rate=0.02, volatility=0.25):.6f}")
    print(f"theta {-theta(100.0, 110.0, 0.5, rate=0.02, volatility=0.25):.6f}")
    print(f"rho {greeks['rate']:.6f}")
    print(f"vega {greeks['volatility']:.6f}")


if __name__ == "__main__":
    main()
