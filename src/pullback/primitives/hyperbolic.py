"""Hyperbolic functions and their inverses."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.primitives.elementwise import Unary
from pullback.primitives.quantity import Quantity


@final
@frozen
class Tanh(Unary):
    """The hyperbolic tangent; derivative 1 - tanh² x."""

    ufunc: ClassVar[np.ufunc] = np.tanh

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return 1 - out * out
