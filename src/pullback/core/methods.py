"""ndarray's pure attributes and methods: each is the namespace's function of the array."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pullback.core.operators import Operators
from pullback.lazy import lazy

if TYPE_CHECKING:
    from typing import Self

    import pullback.api as namespace
else:
    namespace = lazy("pullback.api")


class Methods(Operators):
    """What ``numpy.ndarray`` offers and does not change the array."""

    __slots__ = ()

    def __getitem__(self, key: object, /) -> Self:
        return namespace.getitem(self, key)
