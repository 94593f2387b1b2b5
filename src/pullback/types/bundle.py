"""Several values as one: what control flow takes and gives, as its primitives have one result."""

from __future__ import annotations

from typing import (
    Any,  # noqa: TID251 - the parts are quantities, a notion of the layers above
    final,
)


@final
class Bundle:
    """A tuple of quantities. As a tangent or cotangent, an absent part (None) is zero.

    A bundle that is the value of a node has all parts, and they are values.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Any, ...]) -> None:
        """Make a bundle of its parts."""
        self.parts = parts

    def __add__(self, other: Bundle) -> Bundle:
        """Add two tangents or cotangents, part by part."""
        pairs = zip(self.parts, other.parts, strict=True)
        return Bundle(tuple([y if x is None else x if y is None else x + y for x, y in pairs]))

    def __reduce__(self) -> tuple[object, ...]:
        return Bundle, (self.parts,)


def only(index: int, part: object, number: int) -> Bundle:
    """Return the tangent or cotangent of ``number`` parts of which one alone is not zero."""
    return Bundle((None,) * index + (part,) + (None,) * (number - 1 - index))
