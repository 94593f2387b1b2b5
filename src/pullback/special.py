"""Special functions, named and defined as in ``scipy.special``."""

from pullback.api.special import (
    digamma,
    erf,
    erfc,
    erfcx,
    erfinv,
    expit,
    gammaln,
    log_ndtr,
    logit,
    ndtr,
    polygamma,
    xlogy,
)

__all__ = [
    "digamma",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "expit",
    "gammaln",
    "log_ndtr",
    "logit",
    "ndtr",
    "polygamma",
    "xlogy",
]
