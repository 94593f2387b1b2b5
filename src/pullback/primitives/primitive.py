"""The primitive: one operation of the graph, with all its rules.

The fields of a primitive are its static parameters, its methods are its rules; it holds nothing
else and knows nothing of the graph. Primitives compare and hash by class and fields.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from typing import ClassVar, Final

from attrs import frozen

from pullback.primitives.quantity import Node, Quantity, Value
from pullback.tree import leaf
from pullback.types import ArrayType

#: How a rule multiplies a cotangent by a partial derivative; see `Primitive.pullback`.
Product = Callable[[Quantity, Quantity], Quantity]
PLAIN_PRODUCT: Final[Product] = operator.mul


@leaf
@frozen(eq=False, repr=False)
class Primitive(ABC):
    """One operation: how it computes, what type results, and how it differentiates.

    In the rules, ``operands`` and ``out`` are what `evaluate` was given and what it gave: values,
    or nodes when the derivative itself is to be differentiated. A rule that returns ``None`` says
    that the derivative is zero everywhere.
    """

    #: Whether the result depends smoothly on some operand. Where not (comparisons, arg-max), a
    #: result with a known value is a constant.
    differentiable: ClassVar[bool] = True
    #: Whether the pullback fills with zeros the elements that the operation did not select
    #: (``where``, ``max``, indexing). Below a selection those zeros must stay zeros even against
    #: an infinite partial derivative: rules are then given a product in which 0 times anything
    #: is 0.
    selects: ClassVar[bool] = False

    # attrs could write these for each class, at twice the time that making the class takes.
    def _fields(self) -> tuple[object, ...]:
        names: tuple[str, ...] = self.__match_args__
        return tuple([_hashable(getattr(self, name)) for name in names])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((self.__class__, self._fields()))

    def __repr__(self) -> str:
        names: tuple[str, ...] = self.__match_args__
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"

    @property
    def name(self) -> str:
        """The name that errors and printed graphs use."""
        return _in_snake_case(type(self).__name__)

    @abstractmethod
    def evaluate(self, *values: Value) -> Value:
        """Compute the result from NumPy values."""

    @abstractmethod
    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of the result.

        Raises:
            ShapeError: The shapes do not fit.
            DTypeError: The dtypes do not fit.
        """

    @abstractmethod
    def pushforward(
        self,
        index: int,
        tangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
    ) -> Quantity | None:
        """Return the change of the result when operand ``index`` moves along ``tangent``."""

    @abstractmethod
    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        """Return the cotangent of operand ``index``: the adjoint of `pushforward`.

        The inner product is the real one, ``⟨w, v⟩ = Re Σ conj(w)·v``, so a complex partial
        derivative enters conjugated (PyTorch's convention: ``x - step * grad`` descends).

        Args:
            index: Which operand.
            cotangent: The cotangent of the result, of the result's type.
            out: The result.
            operands: The operands.
            product: How to multiply the cotangent by a partial derivative: ``*``, or below a
                selection the product in which a zero cotangent annihilates.
        """

    @abstractmethod
    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        """Apply the primitive to each element of a batch at once.

        Args:
            operands: The operands. Those that are batched have an axis of length ``size`` in front
                of the axes that the primitive knows of.
            batched: Which operands are batched; one or more are.
            size: How many elements the batch has; none, perhaps.

        Returns:
            The results along an axis in front. They have the dtype that the primitive infers for
            one element, except that no array is weak.
        """

    def __call__(self, *operands: Quantity | complex) -> Quantity:
        """Apply the primitive: a node if any operand is one, else the value computed at once."""
        for operand in operands:
            if isinstance(operand, Node):
                return operand.bind(self, operands)
        value: Quantity = self.evaluate(*operands)
        return value


@cache
def _in_snake_case(word: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in word).lstrip("_")


def _hashable(field: object) -> object:
    """Return a field so that it hashes: slices do so only from Python 3.12 on."""
    if isinstance(field, tuple):
        return tuple([_hashable(part) for part in field])
    return (field.start, field.stop, field.step) if isinstance(field, slice) else field
