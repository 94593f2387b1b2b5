"""The node of the persistent DAG, which is also the array that users hold.

A node knows where it came from (a constant; an input of a trace; a primitive applied to operand
nodes), its value where that is known, and the traces that it depends on. It never changes.

An operation on constants is a constant: it is computed at once and remembers nothing. What depends
on an input of a trace is recorded, with its value where values are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.core.conversion import Conversion
from pullback.core.graph import FlatGraph, flatten_graph
from pullback.core.printing import describe
from pullback.core.trace import Trace
from pullback.core.values import freeze_value
from pullback.errors import PullbackError
from pullback.lazy import lazy
from pullback.primitives.cast import Cast
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Node, Quantity, Value
from pullback.tree import leaf
from pullback.types import ArrayType, type_of

if TYPE_CHECKING:
    import pullback.api as namespace
else:
    namespace = lazy("pullback.api")

NO_SOURCES: Final[frozenset[Trace]] = frozenset()
#: What an operator returns for an operand it does not know, so that Python asks the operand.
_NOT_IMPLEMENTED: Final[Array] = NotImplemented


@leaf
@final
@frozen(eq=False, init=False, repr=False, weakref_slot=False)
class Array(Conversion):
    """An immutable array: a node of the graph of computation.

    Make one with `pullback.asarray`; every operation returns a new one. It has the operators,
    attributes and pure methods of ``numpy.ndarray``, and NumPy's own functions work on it.

    Example:
        >>> import pullback as pb
        >>> x = pb.asarray([1.0, 2.0])
        >>> x * x + 1
        Array([2., 5.], float64[2])
    """

    #: The value: a Python number (weak type), a NumPy scalar, or an ndarray of rank 1 or more that
    #: nothing outside can write to. Where the value is unknown, the type in its place.
    _value: Value
    #: What was applied to the operands; None for a constant.
    primitive: Primitive | None
    operands: tuple[Array, ...]
    #: The traces whose inputs this node depends on; empty for a constant.
    sources: frozenset[Trace]

    def __init__(self) -> None:
        """Refuse: `pullback.asarray` makes arrays."""
        msg = "Array: make an array with pullback.asarray(...)"
        raise TypeError(msg)

    @property
    def known(self) -> bool:
        """Whether the value is known (it is not while tracing for vmap or jit)."""
        return self._value.__class__ is not ArrayType

    @property
    def type(self) -> ArrayType:
        """The shape and dtype."""
        value: ArrayType = self._value
        return value if value.__class__ is ArrayType else type_of(value)

    @property
    def is_input(self) -> bool:
        """Whether it is an input of a trace."""
        return self.primitive.__class__ is Input

    @property
    def shape(self) -> tuple[int, ...]:
        """The size along each axis."""
        if self._value.__class__ in NUMBERS:
            return ()
        shape: tuple[int, ...] = self._value.shape
        return shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The data type; a Python number's is the one NumPy gives it."""
        if self._value.__class__ in NUMBERS:
            return type_of(self._value).dtype
        dtype: np.dtype[np.generic] = self._value.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def bind(  # type: ignore[override]  # the operators of an Array take more than a Quantity's
        self, primitive: Primitive, operands: tuple[Quantity | complex, ...]
    ) -> Array:
        """Apply a primitive to quantities of which this node is one."""
        if len(operands) == 2:
            return lift(operands[0])._binary(primitive, lift(operands[1]))
        return apply(primitive, *[lift(operand) for operand in operands])

    def _unary(self, primitive: Primitive) -> Array:
        # `_apply_any` for one operand, in one piece: the hot path of eager code.
        value = self._value
        if value.__class__ is ArrayType:
            return make_node(primitive.infer(value), primitive, (self,), self.sources)
        try:
            value = primitive.evaluate(value)
        except Exception:  # noqa: BLE001 - raised again, clearly
            return _apply_any(primitive, (self,))
        if self.sources and primitive.differentiable:
            return make_node(value, primitive, (self,), self.sources)
        return constant(value)

    def _binary(self, primitive: Primitive, other: ArrayLike) -> Array:
        # `_apply_any` for two operands, in one piece.
        if other.__class__ is not Array:
            lifted = _lift_operand(other)
            if lifted is None:
                return _NOT_IMPLEMENTED
            other = lifted
        sources, more = self.sources, other.sources
        if more and more is not sources:
            sources = more if sources <= more else sources | more
        x, y = self._value, other._value
        if x.__class__ is ArrayType:
            value = primitive.infer(x, y if y.__class__ is ArrayType else type_of(y))
        elif y.__class__ is ArrayType:
            value = primitive.infer(type_of(x), y)
        else:
            try:
                value = primitive.evaluate(x, y)
            except Exception:  # noqa: BLE001 - raised again, clearly
                return _apply_any(primitive, (self, other))
            if not sources or not primitive.differentiable:
                return constant(value)
        draft = _new(_Draft)
        draft._value = value
        draft.primitive = primitive
        draft.operands = (self, other)
        draft.sources = sources
        draft.__class__ = Array
        node: Array = draft
        return node

    def _reflected(self, primitive: Primitive, other: ArrayLike) -> Array:
        lifted = _lift_operand(other)
        return _NOT_IMPLEMENTED if lifted is None else lifted._binary(primitive, self)

    def __repr__(self) -> str:
        """Write the value, shape and dtype; of a traced node, also what it is."""
        return describe(self._value, self.type, self.primitive, traced=bool(self.sources))

    def __copy__(self) -> Array:
        """Return the array itself: it cannot change."""
        return self

    def __deepcopy__(self, memo: object) -> Array:
        """Return the array itself: it cannot change."""
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the graph as a flat list: linear, and without recursion."""
        return _unpickle, (flatten_graph([self]),)


_Single: TypeAlias = (
    Array
    | Node
    | np.ndarray[tuple[int, ...], np.dtype[np.generic]]
    | np.generic
    | bool
    | int
    | float
    | complex
)
#: What a function takes as an array: an array of ours, or what NumPy would convert to one. Lists
#: may nest deeper than types tell: a type of any depth would let strings pass.
ArrayLike: TypeAlias = _Single | Sequence[_Single | Sequence[_Single | Sequence[_Single]]]


class _Draft(Conversion):
    """An array under construction: the same slots, still writable. It then becomes an `Array`.

    A frozen attrs ``__init__`` costs 0.41 us; filling a draft and changing its class, 0.2 us.
    """

    __slots__ = ("_value", "operands", "primitive", "sources")

    _value: Value
    primitive: Primitive | None
    operands: tuple[Array, ...]
    sources: frozenset[Trace]


_new: Final[Callable[[type[object]], Value]] = object.__new__


def make_node(
    value: Value,
    primitive: Primitive | None,
    operands: tuple[Array, ...],
    sources: frozenset[Trace],
) -> Array:
    """Return a node with the given fields (the value is not copied)."""
    draft = _new(_Draft)
    draft._value = value
    draft.primitive = primitive
    draft.operands = operands
    draft.sources = sources
    draft.__class__ = Array
    node: Array = draft
    return node


def constant(value: Value) -> Array:
    """Return a constant that holds ``value`` itself: a value nothing outside can write to."""
    draft = _new(_Draft)
    draft._value = value
    draft.primitive = None
    draft.operands = ()
    draft.sources = NO_SOURCES
    draft.__class__ = Array
    node: Array = draft
    return node


def apply(primitive: Primitive, *operands: Array) -> Array:
    """Apply a primitive: compute where the values are known, record where a trace is involved.

    Raises:
        PullbackError: The shapes or dtypes do not fit.
    """
    number = len(operands)
    if number == 1:
        return operands[0]._unary(primitive)
    if number == 2:
        return operands[0]._binary(primitive, operands[1])
    return _apply_any(primitive, operands)


def _apply_any(primitive: Primitive, operands: tuple[Array, ...]) -> Array:
    """Do what `apply` says, for any number of operands, known or not."""
    sources = NO_SOURCES
    known = True
    for operand in operands:
        more = operand.sources
        if more:
            if more is not sources:
                sources = more if sources <= more else sources | more
            if operand._value.__class__ is ArrayType:
                known = False
    if not known:
        type_ = primitive.infer(*[operand.type for operand in operands])
        return make_node(type_, primitive, operands, sources)
    try:
        value = primitive.evaluate(*[operand._value for operand in operands])
    except Exception as fault:
        # Python would print NumPy's error first, once for each attempt, and ours below.
        try:
            primitive.infer(*[operand.type for operand in operands])
        except PullbackError as error:  # names the shapes and dtypes
            raise error from None
        raise fault from None
    if sources and primitive.differentiable:
        return make_node(value, primitive, operands, sources)
    return constant(value)


def lift(value: object) -> Array:
    """Return ``value`` as an array: an array as it is, anything else as a copy.

    Raises:
        DTypeError: It cannot become an array.
    """
    if value.__class__ is Array:
        return value
    if value.__class__ in NUMBERS:
        return constant(value)
    if isinstance(value, (list, tuple)):
        return namespace.asarray(value)  # there may be arrays under differentiation in it
    return constant(freeze_value(value))


def operands(*values: object) -> tuple[Array, ...]:
    """Return a function's operands as arrays, at least one of them of a strong dtype.

    Python's operators keep Python numbers weak; NumPy's functions, given nothing but Python
    numbers, return a NumPy scalar. So do ours.
    """
    lifted = tuple([lift(value) for value in values])
    for array in lifted:
        if not _is_weak(array._value):
            return lifted
    first, *rest = lifted
    return (apply(Cast(first.type.dtype), first), *rest)


def _is_weak(value: Value) -> bool:
    """Return whether a node's value, or the type in its place, is weak."""
    weak: bool = value.weak if value.__class__ is ArrayType else value.__class__ in NUMBERS
    return weak


def _lift_operand(value: object) -> Array | None:
    """Return an operator's other operand as an array; None where it is no kind of number."""
    if value.__class__ in NUMBERS:
        return constant(value)
    if isinstance(value, (Array, int, float, complex, np.generic, np.ndarray, list, tuple)):
        return lift(value)
    foreign = hasattr(value, "__array_ufunc__")  # it overrides operators as we do: its turn
    return lift(value) if hasattr(value, "__array__") and not foreign else None


def rebuild_graph(graph: FlatGraph) -> list[Array]:
    """Return the roots of a graph from its flat columns; its traces are new ones."""
    traces: dict[int, Trace] = {}
    sets: dict[tuple[int, ...], frozenset[Trace]] = {(): NO_SOURCES}
    nodes: list[Array] = []
    rows = zip(graph.values, graph.primitives, graph.operands, graph.sources, strict=True)
    for value, primitive, operands, numbers in rows:
        if numbers not in sets:
            sets[numbers] = frozenset(traces.setdefault(n, Trace()) for n in numbers)
        made_of = tuple(nodes[i] for i in operands)
        held = value if isinstance(value, ArrayType) else freeze_value(value)
        nodes.append(make_node(held, primitive, made_of, sets[numbers]))
    return [nodes[i] for i in graph.roots]


def _unpickle(graph: FlatGraph) -> Array:
    """Return the one root of a pickled graph."""
    (node,) = rebuild_graph(graph)
    return node
