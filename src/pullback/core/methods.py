"""ndarray's pure attributes and methods: each is the namespace's function of the array."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal, Never, TypeAlias

from pullback.core.operators import Operators
from pullback.errors import UnsupportedError
from pullback.lazy import lazy

if TYPE_CHECKING:
    import numpy.typing as npt

    import pullback.api as namespace
    from pullback.api import diagonals, updates
    from pullback.core.array import Array, ArrayLike

    Axis: TypeAlias = int | tuple[int, ...] | None
else:
    namespace = lazy("pullback.api")
    diagonals = lazy("pullback.api.diagonals")
    updates = lazy("pullback.api.updates")


def _flat(arguments: Iterable[int | tuple[int, ...]]) -> tuple[int, ...]:
    """Return sizes or axes, given as one sequence or one by one, as one tuple."""
    flat: list[int] = []
    for argument in arguments:
        flat += argument if isinstance(argument, (tuple, list)) else (argument,)
    return tuple(flat)


class Methods(Operators):
    """What ``numpy.ndarray`` offers and does not change the array."""

    __slots__ = ()

    device: ClassVar[Literal["cpu"]] = "cpu"

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The size of an element in bytes."""
        return self.type.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The size of all elements in bytes."""
        return self.size * self.type.dtype.itemsize

    @property
    def T(self) -> Array:
        """The array with its axes reversed."""
        return namespace.transpose(self)

    @property
    def at(self) -> updates.At:
        """The elements ``x.at[key]``, for making new arrays with them changed.

        Its methods are ``get``, ``set``, ``add``, ``subtract``, ``multiply``, ``divide``,
        ``power``, ``min``, ``max`` and ``apply``.
        """
        return updates.At(self)

    @property
    def mT(self) -> Array:
        """The matrices of the last two axes, each transposed."""
        return namespace.matrix_transpose(self)

    @property
    def real(self) -> Array:
        """The real part."""
        return namespace.real(self)

    @property
    def imag(self) -> Array:
        """The imaginary part."""
        return namespace.imag(self)

    @property
    def flat(self) -> Never:
        """Refuse: NumPy's flat iterator writes to the array."""
        msg = "x.flat: arrays do not change in place; use x.ravel(), which iterates and indexes"
        raise UnsupportedError(msg)

    def __getitem__(self, key: object, /) -> Array:
        return namespace.getitem(self, key)

    def all(self, axis: Axis = None, *, keepdims: bool = False) -> Array:
        """Return whether all elements are true, along ``axis`` if given."""
        return namespace.all(self, axis, keepdims=keepdims)

    def any(self, axis: Axis = None, *, keepdims: bool = False) -> Array:
        """Return whether any element is true, along ``axis`` if given."""
        return namespace.any(self, axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Array:
        """Return the index of the largest element, the first of several."""
        return namespace.argmax(self, axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Array:
        """Return the index of the smallest element, the first of several."""
        return namespace.argmin(self, axis, keepdims=keepdims)

    def argsort(self, axis: int | None = -1) -> Array:
        """Return the indices that sort the array; ``None`` flattens first."""
        x, along = (self.ravel(), -1) if axis is None else (self, axis)
        return namespace.argsort(x, axis=along)

    def astype(self, dtype: npt.DTypeLike) -> Array:
        """Return the array converted to another dtype."""
        return namespace.astype(self, dtype)

    def clip(self, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Array:
        """Return the array limited to ``[min, max]``."""
        return namespace.clip(self, min, max)

    def conj(self) -> Array:
        """Return the complex conjugate."""
        return namespace.conj(self)

    def conjugate(self) -> Array:
        """Return the complex conjugate."""
        return namespace.conj(self)

    def copy(self) -> Array:
        """Return the array itself, which cannot change."""
        return namespace.asarray(self)

    def cumprod(self, axis: int | None = None, dtype: npt.DTypeLike | None = None) -> Array:
        """Return the products of the elements so far; ``None`` flattens first."""
        return namespace.cumprod(self, axis, dtype)

    def cumsum(self, axis: int | None = None, dtype: npt.DTypeLike | None = None) -> Array:
        """Return the sums of the elements so far; ``None`` flattens first."""
        return namespace.cumsum(self, axis, dtype)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
        """Return the diagonals of two axes, as a new last axis."""
        return namespace.diagonal(self, offset=offset, axis1=axis1, axis2=axis2)

    def dot(self, other: ArrayLike, /) -> Array:
        """Return NumPy's dot product."""
        return namespace.dot(self, other)

    def flatten(self) -> Array:
        """Return the elements as a vector, in row-major order."""
        return self.ravel()

    def max(
        self,
        axis: Axis = None,
        *,
        keepdims: bool = False,
        initial: ArrayLike | None = None,
        where: ArrayLike = True,
    ) -> Array:
        """Return the largest element, along ``axis`` if given."""
        return namespace.max(self, axis, keepdims=keepdims, initial=initial, where=where)

    def mean(
        self,
        axis: Axis = None,
        dtype: npt.DTypeLike | None = None,
        *,
        keepdims: bool = False,
        where: ArrayLike = True,
    ) -> Array:
        """Return the mean, along ``axis`` if given."""
        return namespace.mean(self, axis, dtype, keepdims=keepdims, where=where)

    def min(
        self,
        axis: Axis = None,
        *,
        keepdims: bool = False,
        initial: ArrayLike | None = None,
        where: ArrayLike = True,
    ) -> Array:
        """Return the smallest element, along ``axis`` if given."""
        return namespace.min(self, axis, keepdims=keepdims, initial=initial, where=where)

    def nonzero(self) -> tuple[Array, ...]:
        """Return the indices of the elements that are not zero, one array for each axis."""
        return namespace.nonzero(self)

    def prod(
        self,
        axis: Axis = None,
        dtype: npt.DTypeLike | None = None,
        *,
        keepdims: bool = False,
        initial: ArrayLike | None = None,
        where: ArrayLike = True,
    ) -> Array:
        """Return the product, along ``axis`` if given."""
        return namespace.prod(self, axis, dtype, keepdims=keepdims, initial=initial, where=where)

    def ravel(self) -> Array:
        """Return the elements as a vector, in row-major order."""
        return namespace.ravel(self)

    def repeat(self, repeats: int | ArrayLike, axis: int | None = None) -> Array:
        """Return the array with each element repeated; ``None`` flattens first."""
        return namespace.repeat(self, repeats, axis=axis)

    def reshape(self, *shape: int | tuple[int, ...]) -> Array:
        """Return the elements under another shape, given as one tuple or as several sizes."""
        return namespace.reshape(self, _flat(shape))

    def round(self, decimals: int = 0) -> Array:
        """Return the elements rounded to ``decimals`` places, halves to even."""
        return namespace.round(self, decimals)

    __round__ = round

    def searchsorted(self, v: ArrayLike, side: Literal["left", "right"] = "left") -> Array:
        """Return where ``v`` would stand in this sorted array."""
        return namespace.searchsorted(self, v, side=side)

    def squeeze(self, axis: Axis = None) -> Array:
        """Return the array without axes of size 1: all, or those given."""
        return namespace.squeeze(self, axis)

    def std(
        self,
        axis: Axis = None,
        dtype: npt.DTypeLike | None = None,
        *,
        ddof: float = 0,
        keepdims: bool = False,
        where: ArrayLike = True,
    ) -> Array:
        """Return the standard deviation, along ``axis`` if given."""
        return namespace.std(self, axis, dtype, correction=ddof, keepdims=keepdims, where=where)

    def sum(
        self,
        axis: Axis = None,
        dtype: npt.DTypeLike | None = None,
        *,
        keepdims: bool = False,
        initial: ArrayLike | None = None,
        where: ArrayLike = True,
    ) -> Array:
        """Return the sum, along ``axis`` if given."""
        return namespace.sum(self, axis, dtype, keepdims=keepdims, initial=initial, where=where)

    def swapaxes(self, axis1: int, axis2: int, /) -> Array:
        """Return the array with two axes exchanged."""
        return namespace.swapaxes(self, axis1, axis2)

    def take(
        self,
        indices: ArrayLike,
        axis: int | None = None,
        *,
        mode: Literal["raise", "clip", "wrap"] = "raise",
    ) -> Array:
        """Return the elements at the indices; ``None`` flattens first."""
        return namespace.take(self, indices, axis, mode=mode)

    def to_device(self, device: Literal["cpu"], /, *, stream: None = None) -> Array:
        """Return the array itself: the CPU is the only device."""
        return namespace.asarray(self, device=device)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
        """Return the sums of the diagonals of two axes."""
        return diagonals.trace(self, offset=offset, axis1=axis1, axis2=axis2)

    def transpose(self, *axes: int | tuple[int, ...] | None) -> Array:
        """Return the array with its axes permuted; reversed if none are given."""
        order = _flat(axis for axis in axes if axis is not None)
        return namespace.transpose(self, order or None)

    def var(
        self,
        axis: Axis = None,
        dtype: npt.DTypeLike | None = None,
        *,
        ddof: float = 0,
        keepdims: bool = False,
        where: ArrayLike = True,
    ) -> Array:
        """Return the variance, along ``axis`` if given."""
        return namespace.var(self, axis, dtype, correction=ddof, keepdims=keepdims, where=where)

    def view(self, *args: object, **options: object) -> Never:
        """Refuse: arrays share no memory that could be seen as another type."""
        msg = "x.view(...): an array is not memory; x.astype(dtype) converts, x itself is a view"
        raise UnsupportedError(msg)
