"""The node of the persistent DAG, which is also the array that users hold.

A node knows where it came from (a constant; an input of a trace; a primitive applied to operand
nodes), its value where that is known, and the traces that it depends on. It never changes.

An operation on constants is a constant: it is computed at once and remembers nothing. What depends
on an input of a trace is recorded, with its value where values are known.
"""

from __future__ import annotations

from typing import Final, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.core.conversion import Conversion
from pullback.core.graph import FlatGraph, flatten_graph
from pullback.core.printing import describe
from pullback.core.trace import Trace
from pullback.core.values import freeze_value
from pullback.primitives.cast import Cast
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Quantity, Value
from pullback.types import ArrayType, type_of

NO_SOURCES: Final[frozenset[Trace]] = frozenset()


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
    def shape(self) -> tuple[int, ...]:
        """The size along each axis."""
        if self._value.__class__ in NUMBERS:
            return ()
        shape: tuple[int, ...] = self._value.shape
        return shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The data type; a Python number's is the one NumPy gives it."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def bind(self, primitive: Primitive, operands: tuple[Quantity, ...]) -> Array:
        """Apply a primitive to quantities of which this node is one."""
        return apply(primitive, *(lift(operand) for operand in operands))

    def _unary(self, primitive: Primitive) -> Array:
        return apply(primitive, self)

    def _binary(self, primitive: Primitive, other: ArrayLike) -> Array:
        if other.__class__ is not Array:
            lifted = _lift_operand(other)
            if lifted is None:
                return NotImplemented
            return apply(primitive, self, lifted)
        return apply(primitive, self, other)  # type: ignore[arg-type]  # its class was compared

    def _reflected(self, primitive: Primitive, other: ArrayLike) -> Array:
        lifted = _lift_operand(other)
        return NotImplemented if lifted is None else apply(primitive, lifted, self)

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


#: What a function takes as an array: an array of ours, or what NumPy would convert to one.
ArrayLike: TypeAlias = (
    "Array | np.ndarray[tuple[int, ...], np.dtype[np.generic]] | np.generic"
    " | bool | int | float | complex"
)


def make_node(
    value: Value,
    primitive: Primitive | None,
    operands: tuple[Array, ...],
    sources: frozenset[Trace],
) -> Array:
    """Return a node with the given fields (the value is not copied)."""
    node = _new(Array)
    _set_value(node, value)
    _set_primitive(node, primitive)
    _set_operands(node, operands)
    _set_sources(node, sources)
    return node


# A frozen attrs __init__ costs 0.41 us; setting the slots through their descriptors 0.25 us.
_new: Final = object.__new__
_set_value: Final = Array._value.__set__
_set_primitive: Final = Array.primitive.__set__
_set_operands: Final = Array.operands.__set__
_set_sources: Final = Array.sources.__set__


def constant(value: Value) -> Array:
    """Return a constant that holds ``value`` itself: a value nothing outside can write to."""
    return make_node(value, None, (), NO_SOURCES)


def unknown(
    type_: ArrayType,
    primitive: Primitive,
    operands: tuple[Array, ...],
    sources: frozenset[Trace],
) -> Array:
    """Return a node whose type is known and whose value is not."""
    return make_node(type_, primitive, operands, sources)


def apply(primitive: Primitive, *operands: Array) -> Array:
    """Apply a primitive: compute where the values are known, record where a trace is involved.

    Raises:
        PullbackError: The shapes or dtypes do not fit.
    """
    sources = NO_SOURCES
    for operand in operands:
        more = operand.sources
        if more and more is not sources:
            sources = sources | more if sources else more
    values = [operand._value for operand in operands]
    if sources and any(value.__class__ is ArrayType for value in values):
        type_ = primitive.infer(*[operand.type for operand in operands])
        return unknown(type_, primitive, operands, sources)
    try:
        value = primitive.evaluate(*values)
    except Exception:
        primitive.infer(*[operand.type for operand in operands])  # names the shapes and dtypes
        raise
    if sources and primitive.differentiable:
        return make_node(value, primitive, operands, sources)
    return make_node(value, None, (), NO_SOURCES)


def lift(value: object) -> Array:
    """Return ``value`` as an array: an array as it is, anything else as a constant copy.

    Raises:
        DTypeError: It cannot become an array.
    """
    return value if isinstance(value, Array) else constant(freeze_value(value))


def operands(*values: object) -> tuple[Array, ...]:
    """Return a function's operands as arrays, at least one of them of a strong dtype.

    Python's operators keep Python numbers weak; NumPy's functions, given nothing but Python
    numbers, return a NumPy scalar. So do ours.
    """
    lifted = tuple(lift(value) for value in values)
    if all(array.type.weak for array in lifted):
        first, *rest = lifted
        return (apply(Cast(first.type.dtype), first), *rest)
    return lifted


def _lift_operand(value: object) -> Array | None:
    """Return an operator's other operand as an array; None where it is no kind of number."""
    if isinstance(value, (*NUMBERS, np.generic, np.ndarray, list, tuple)):
        return lift(value)
    return lift(value) if isinstance(value, Array) or hasattr(value, "__array__") else None


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
        nodes.append(make_node(value, primitive, made_of, sets[numbers]))
    return [nodes[i] for i in graph.roots]


def _unpickle(graph: FlatGraph) -> Array:
    """Return the one root of a pickled graph."""
    (node,) = rebuild_graph(graph)
    return node
