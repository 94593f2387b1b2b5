"""`pure_callback`: foreign functions of ndarrays, called from traced code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, final, overload

from attrs import frozen

from pullback.api.calls import fitting
from pullback.api.functions import name_of
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import holds_array, plain
from pullback.api.templates import Template, take_apart
from pullback.control.callback import Callback, Foreign
from pullback.core import Array, apply, constant, lift, make_node, thaw
from pullback.errors import ConversionError, DTypeError, ShapeError
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.quantity import Value
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.structures import leaf_path, mismatch
from pullback.types import ArrayType

T = TypeVar("T")


@overload
def pure_callback(
    f: Callable[..., object], result: ArrayType, /, *args: object, vectorized: bool = False
) -> Array: ...
@overload
def pure_callback(
    f: Callable[..., object], result: T, /, *args: object, vectorized: bool = False
) -> T: ...
def pure_callback(
    f: Callable[..., object], result: object, /, *args: object, vectorized: bool = False
) -> object:
    """Call foreign code: a function of ndarrays that knows nothing of this library.

    It is called when the values are there: at once under `grad` and the like, and whenever the
    loop comes to it in the body of a `scan`. So it may do what traced code cannot: branch on
    values, write to arrays of its own, call compiled libraries. It must be pure: it may be called
    again, or not at all.

    It has no derivative. Give it one with `custom_jvp` or `custom_vjp`, whose rules may call
    foreign code in their turn.

    Plain in, plain out, as in `grad`: where no argument holds an `Array`, neither does the result.

    Args:
        f: The function. It is given read-only ndarrays, numbers for arrays of rank 0, and
            whatever else is in the arguments as it is; what it returns is copied.
        result: What it returns, as an example: a pytree of arrays or numbers, of which only shapes
            and dtypes matter; an `ArrayType` may stand for an array.
        *args: Its arguments, pytrees.
        vectorized: Whether the function takes arrays with further axes in front, the same for all,
            and returns such. Then `vmap` calls it once for the batch.

    Returns:
        What the function returns.

    Raises:
        StructureError: The function returns another structure than ``result``.
        ShapeError: It returns another shape.
        DTypeError: It returns a dtype that does not fit, or no number.
        DifferentiationError: The result is differentiated.
        ConversionError: It is called under `vmap`, and not vectorized; or it returns an `Array`
            that is being traced.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> def positions(x):
        ...     return np.searchsorted([0.0, 1.0, 2.0], x)
        >>> position = lambda x: pure_callback(positions, np.int64(0), x, vectorized=True)
        >>> pb.vmap(position)(np.array([0.5, 1.5]))
        array([1, 2])
        >>> def sinh(x):
        ...     return pure_callback(np.sinh, x, x)
        >>> def push(primals, tangents, y):
        ...     return np.cosh(primals[0]) * tangents[0]
        >>> pb.grad(pb.custom_jvp(sinh, push))(0.0)
        1.0
    """
    arguments, leaves = take_apart(args)
    packed = apply(Pack(), *map(lift, leaves))
    primitive = Callback(_foreign(f, arguments, result), vectorized)
    if packed.known:
        value = primitive.evaluate(packed._value)
        made = constant(value)
        if packed.sources:
            made = make_node(value, primitive, (packed,), packed.sources)
    else:
        made = apply(primitive, packed)
    parts = [apply(Unpack(number), made) for number in range(len(primitive.function.types))]
    found = parts if holds_array(args) else map(plain, parts)
    return unflatten(flatten(result)[1], found)


@final
@frozen(repr=False)
class _Foreign(Foreign):
    """A Python function of trees, taken apart."""

    f: Callable[..., object]
    arguments: Template[tuple[object, ...]]
    structure: Structure[object]
    types: tuple[ArrayType, ...]

    def __repr__(self) -> str:
        return name_of(self.f)

    def call(self, values: Sequence[Value], types: Sequence[ArrayType]) -> list[Value]:
        """Call the function with what it cannot write to, and return copies of its results."""
        result = self.f(*self.arguments.build(map(thaw, values)))
        leaves, found = flatten(result)
        if found != self.structure:
            trees = f"the stated result and what {self!r} returned"
            raise mismatch(self.structure, found, "pure_callback", trees)
        copies: list[Value] = []
        for number, (leaf, type_) in enumerate(zip(leaves, types, strict=True)):
            where = f"pure_callback: {self!r} returned, at {leaf_path(found, number).place}"
            try:
                array = fitting(leaf, type_, "the stated result")
            except (DTypeError, ShapeError) as error:
                msg = f"{where}, {error}"
                raise type(error)(msg) from None
            if array.sources:
                msg = f"{where}, an array that is being traced; it cannot close over such"
                raise ConversionError(msg)
            copies.append(array._value)
        return copies


def _foreign(
    f: Callable[..., object], arguments: Template[tuple[object, ...]], result: object
) -> Foreign:
    """Return a function with the types of its results.

    Raises:
        DTypeError: An example of a result is no array.
    """
    examples, structure = flatten(result)
    types: list[ArrayType] = []
    for number, example in enumerate(examples):
        if not isinstance(example, (ArrayType, *NUMERIC)):
            msg = (
                f"pure_callback: the stated result at {leaf_path(structure, number).place} is "
                f"{describe(example)}; expected an array like the one that {name_of(f)} returns"
            )
            raise DTypeError(msg)
        type_ = example if isinstance(example, ArrayType) else lift(example).type
        types.append(ArrayType(type_.shape, type_.dtype))
    return _Foreign(f, arguments, structure, tuple(types))
