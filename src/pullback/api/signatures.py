"""What the types of transforms are written with.

A transform keeps the parameters of a function: ``Concatenate`` takes the first few apart, so that
the type of a differentiated one can be named in the result; the rest is one ``ParamSpec``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

import numpy as np

from pullback.core import Array

#: What a function that has a gradient may return, as far as types can tell: not a complex number.
Scalar: TypeAlias = Array | np.ndarray[tuple[int, ...], np.dtype[np.generic]] | np.generic | float

#: A number of NumPy's or of Python's.
Number: TypeAlias = np.generic | float

P = ParamSpec("P")
Sh = TypeVar("Sh", bound=tuple[int, ...])  # the shape of an ndarray
D = TypeVar("D", bound=np.generic)  # the dtype of an ndarray
S = TypeVar("S", bound=Scalar)
A = TypeVar("A")  # what a function returns beside its value
R = TypeVar("R")
X = TypeVar("X")
Y = TypeVar("Y")
Z = TypeVar("Z")

#: An ndarray of a shape, and of any.
Shaped: TypeAlias = np.ndarray[Sh, np.dtype[D]]
Tensor: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[D]]

#: What is known to be an array of ours, or a Python number.
XArray = TypeVar("XArray", bound=Array)
XFloat = TypeVar("XFloat", bound=float)

#: Functions of at least one, two, three positional parameters.
One: TypeAlias = Callable[Concatenate[X, P], R]
Two: TypeAlias = Callable[Concatenate[X, Y, P], R]
Three: TypeAlias = Callable[Concatenate[X, Y, Z, P], R]

No: TypeAlias = Literal[False]
Yes: TypeAlias = Literal[True]
At0: TypeAlias = Literal[0]
At1: TypeAlias = Literal[1]
At2: TypeAlias = Literal[2]

#: What becomes of a leaf that the output does not depend on: a zero, or an error that names it.
Unused: TypeAlias = Literal["zero", "error"]
