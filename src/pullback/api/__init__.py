"""What users call: the public namespace, which ``import pullback`` hands on."""

from pullback.api.arithmetic import add
from pullback.core import Array, ArrayLike

__all__ = [
    "Array",
    "ArrayLike",
    "add",
]
