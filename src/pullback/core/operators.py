"""Python's operators on arrays, both sides, as NumPy and the Array API define them."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from pullback.lazy import lazy
from pullback.primitives import arithmetic, bitwise, comparison, power, rounding
from pullback.primitives.quantity import Node

if TYPE_CHECKING:
    from typing import Self

    import pullback.api as namespace
    from pullback.core.array import Array, ArrayLike
    from pullback.primitives.primitive import Primitive
else:
    namespace = lazy("pullback.api")

_ADD: Final = arithmetic.Add()
_SUBTRACT: Final = arithmetic.Subtract()
_MULTIPLY: Final = arithmetic.Multiply()
_DIVIDE: Final = arithmetic.Divide()
_NEGATIVE: Final = arithmetic.Negative()
_FLOOR_DIVIDE: Final = rounding.FloorDivide()
_REMAINDER: Final = rounding.Remainder()
_POWER: Final = power.Power()

#: Where pyrsistent compares keys; the second where it was built without its C extension.
_PYRSISTENT: Final = frozenset({"pyrsistent._pmap", "pyrsistent._pvector"})


class Operators(Node):
    """The operators; each applies one primitive."""

    __slots__ = ()

    @abstractmethod
    def _unary(self, primitive: Primitive) -> Self:
        """Apply a primitive of one operand."""

    @abstractmethod
    def _binary(self, primitive: Primitive, other: ArrayLike) -> Self:
        """Apply ``primitive`` to this array and ``other``."""

    @abstractmethod
    def _reflected(self, primitive: Primitive, other: ArrayLike) -> Self:
        """Apply ``primitive`` to ``other`` and this array."""

    def __add__(self, other: ArrayLike, /) -> Self:
        return self._binary(_ADD, other)

    def __radd__(self, other: ArrayLike, /) -> Self:
        return self._reflected(_ADD, other)

    def __sub__(self, other: ArrayLike, /) -> Self:
        return self._binary(_SUBTRACT, other)

    def __rsub__(self, other: ArrayLike, /) -> Self:
        return self._reflected(_SUBTRACT, other)

    def __mul__(self, other: ArrayLike, /) -> Self:
        return self._binary(_MULTIPLY, other)

    def __rmul__(self, other: ArrayLike, /) -> Self:
        return self._reflected(_MULTIPLY, other)

    def __truediv__(self, other: ArrayLike, /) -> Self:
        return self._binary(_DIVIDE, other)

    def __rtruediv__(self, other: ArrayLike, /) -> Self:
        return self._reflected(_DIVIDE, other)

    def __floordiv__(self, other: ArrayLike, /) -> Self:
        return self._binary(_FLOOR_DIVIDE, other)

    def __rfloordiv__(self, other: ArrayLike, /) -> Self:
        return self._reflected(_FLOOR_DIVIDE, other)

    def __mod__(self, other: ArrayLike, /) -> Self:
        return self._binary(_REMAINDER, other)

    def __rmod__(self, other: ArrayLike, /) -> Self:
        return self._reflected(_REMAINDER, other)

    def __divmod__(self, other: ArrayLike, /) -> tuple[Self, Self]:
        return self // other, self % other

    def __rdivmod__(self, other: ArrayLike, /) -> tuple[Self, Self]:
        return self.__rfloordiv__(other), self.__rmod__(other)

    def __pow__(self, other: ArrayLike, /) -> Self:
        if other.__class__ is int:  # a fixed whole exponent has an exact, cheap derivative
            return self._unary(power.IntegerPower(other))
        return self._binary(_POWER, other)

    def __rpow__(self, other: ArrayLike, /) -> Self:
        return self._reflected(_POWER, other)

    def __matmul__(self, other: ArrayLike, /) -> Array:
        return namespace.matmul(self, other)

    def __rmatmul__(self, other: ArrayLike, /) -> Array:
        return namespace.matmul(other, self)

    def __and__(self, other: ArrayLike, /) -> Self:
        return self._binary(bitwise.BitwiseAnd(), other)

    def __rand__(self, other: ArrayLike, /) -> Self:
        return self._reflected(bitwise.BitwiseAnd(), other)

    def __or__(self, other: ArrayLike, /) -> Self:
        return self._binary(bitwise.BitwiseOr(), other)

    def __ror__(self, other: ArrayLike, /) -> Self:
        return self._reflected(bitwise.BitwiseOr(), other)

    def __xor__(self, other: ArrayLike, /) -> Self:
        return self._binary(bitwise.BitwiseXor(), other)

    def __rxor__(self, other: ArrayLike, /) -> Self:
        return self._reflected(bitwise.BitwiseXor(), other)

    def __lshift__(self, other: ArrayLike, /) -> Self:
        return self._binary(bitwise.LeftShift(), other)

    def __rlshift__(self, other: ArrayLike, /) -> Self:
        return self._reflected(bitwise.LeftShift(), other)

    def __rshift__(self, other: ArrayLike, /) -> Self:
        return self._binary(bitwise.RightShift(), other)

    def __rrshift__(self, other: ArrayLike, /) -> Self:
        return self._reflected(bitwise.RightShift(), other)

    def __invert__(self) -> Self:
        return self._unary(bitwise.BitwiseInvert())

    def __neg__(self) -> Self:
        return self._unary(_NEGATIVE)

    def __pos__(self) -> Self:
        return self._unary(arithmetic.Positive())

    def __abs__(self) -> Self:
        return self._unary(rounding.Abs())

    def __eq__(self, other: ArrayLike, /) -> Self:  # type: ignore[override]  # elementwise, as the Array API demands
        # A PMap finds a key by `==` alone, where a dict first compares identities and hashes.
        # Nodes are keys by identity; docs/design/002-nodes.md.
        if sys._getframe(1).f_globals.get("__name__") in _PYRSISTENT:
            return self is other  # type: ignore[return-value]  # what a PMap asks for
        return self._binary(comparison.Equal(), other)

    def __ne__(self, other: ArrayLike, /) -> Self:  # type: ignore[override]  # elementwise
        return self._binary(comparison.NotEqual(), other)

    __hash__: ClassVar[Callable[[object], int]] = object.__hash__  # by identity, in C

    def __lt__(self, other: ArrayLike, /) -> Self:
        return self._binary(comparison.Less(), other)

    def __le__(self, other: ArrayLike, /) -> Self:
        return self._binary(comparison.LessEqual(), other)

    def __gt__(self, other: ArrayLike, /) -> Self:
        return self._binary(comparison.Greater(), other)

    def __ge__(self, other: ArrayLike, /) -> Self:
        return self._binary(comparison.GreaterEqual(), other)
