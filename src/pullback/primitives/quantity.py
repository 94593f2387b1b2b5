"""What the rules of a primitive compute with: a value, or a node of the graph.

Every rule is written once, over `Quantity`. Given NumPy values it computes; given nodes it builds
nodes, so that derivatives differentiate again. This module knows neither NumPy functions nor the
graph: a node is whatever derives from `Node` and can apply a primitive.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,  # noqa: TID251 - see `Value`
    Final,
    Protocol,
    TypeAlias,
)

import numpy as np

from pullback.types import ArrayType, type_of

if TYPE_CHECKING:
    from pullback.primitives.primitive import Primitive


#: A Python number, a NumPy scalar, or an ndarray of rank 1 or more. NumPy's stubs have no type for
#: "any of these, with the operators they share", so this one alias is where typing ends.
Value: TypeAlias = Any


class Quantity(Protocol):
    """A NumPy value (Python number, NumPy scalar, ndarray) or a node: what operators work on."""

    def __add__(self, other: Quantity | complex, /) -> Quantity: ...
    def __radd__(self, other: Quantity | complex, /) -> Quantity: ...
    def __sub__(self, other: Quantity | complex, /) -> Quantity: ...
    def __rsub__(self, other: Quantity | complex, /) -> Quantity: ...
    def __mul__(self, other: Quantity | complex, /) -> Quantity: ...
    def __rmul__(self, other: Quantity | complex, /) -> Quantity: ...
    def __truediv__(self, other: Quantity | complex, /) -> Quantity: ...
    def __rtruediv__(self, other: Quantity | complex, /) -> Quantity: ...
    def __neg__(self) -> Quantity: ...
    def __lt__(self, other: Quantity | complex, /) -> Quantity: ...
    def __le__(self, other: Quantity | complex, /) -> Quantity: ...
    def __gt__(self, other: Quantity | complex, /) -> Quantity: ...
    def __ge__(self, other: Quantity | complex, /) -> Quantity: ...


class Node:
    """What a primitive may ask of a node of the graph; the graph's `Array` is the only one."""

    __slots__ = ()

    @property
    def type(self) -> ArrayType:
        """The node's shape and dtype."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The node's shape."""
        raise NotImplementedError

    @property
    def is_input(self) -> bool:
        """Whether the node is an input of a trace."""
        raise NotImplementedError

    def bind(self, primitive: Primitive, operands: tuple[Quantity | complex, ...]) -> Quantity:
        """Apply ``primitive`` to ``operands``, of which this node is one."""
        raise NotImplementedError


#: Python numbers have no ``shape`` or ``dtype``; everything else a quantity can be has both.
NUMBERS: Final = frozenset({bool, int, float, complex})

#: Scalars of double precision. Between these two nothing needs converting in a sweep.
DOUBLES: Final[frozenset[type]] = frozenset({float, np.float64})


def quantity_type(quantity: Quantity) -> ArrayType:
    """Return the type of a value or node."""
    return quantity.type if isinstance(quantity, Node) else type_of(quantity)


def shape_of(quantity: Quantity) -> tuple[int, ...]:
    """Return the shape of a value or node."""
    if quantity.__class__ in NUMBERS:
        return ()
    value: Value = quantity
    shape: tuple[int, ...] = value.shape
    return shape


def is_complex(quantity: Quantity) -> bool:
    """Return whether the quantity has a complex dtype."""
    value: Value = quantity
    if value.__class__ in NUMBERS:
        return value.__class__ is complex
    kind: str = value.dtype.kind
    return kind == "c"
