"""The error where code wants a value that is not known: who wanted it, and what it is made of.

The line that asked, and the transform whose trace made the value unknown, are found on the stack of
calls: nothing is kept for them while functions are traced.
"""

from __future__ import annotations

import linecache
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Final

from pullback.core.graph import topological
from pullback.core.origins import is_library, is_own
from pullback.core.program import Program
from pullback.core.trace import Trace
from pullback.core.values import thaw
from pullback.errors import ConversionError
from pullback.lazy import lazy
from pullback.primitives.identity import Input

if TYPE_CHECKING:
    import pullback.api as namespace
    from pullback.core.array import Array
else:
    namespace = lazy("pullback.api")

#: What a user calls functions that are objects of a class.
_CALLED: Final = {"Jitted": "jit"}
_STEPS: Final = 6  # that are shown of how a value is computed
_LINES: Final = 20
_LONG: Final = 160  # characters of a line of code
_TRACERS: Final = "vmap, jit or a loop"
#: What code wants in order to decide what it does; an argument that is static may decide it.
_DECIDING: Final = frozenset({"bool(x)", "int(x)", "operator.index(x)", "x.item()"})


def unknown_value(operation: str, node: Array, remedy: str) -> ConversionError:
    """Return the error of an operation that needs a value that is not known.

    Args:
        operation: What asks for it: ``"bool(x)"``.
        node: What has no value.
        remedy: What to do, as the end of a sentence.
    """
    frames = list(_frames(sys._getframe(1)))
    tracer = _tracer(frames, node)
    if tracer == "jit" and operation in _DECIDING:
        remedy += ", or name the argument that decides it in static_argnums"
    message = (
        f"{operation}: the value of {node!r} is not known while {tracer or _TRACERS} traces the "
        f"function; {remedy}"
    )
    if tracer is None:
        message += (
            "\n  No such trace runs here: the array was kept from one that is over. Return it from "
            "the traced function"
        )
    return ConversionError("\n  ".join([message, *_line(frames), *_made_of(node)]))


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the calls that are under way, the innermost first, but for those of decorators."""
    while frame is not None:
        if frame.f_globals.get("__name__") != "contextlib":
            yield frame
        frame = frame.f_back


def _line(frames: Iterable[FrameType]) -> Iterator[str]:
    """Yield the lines about the innermost line of the user's code."""
    for frame in frames:
        if not is_library(frame.f_globals):
            file, number = frame.f_code.co_filename, frame.f_lineno
            yield f'File "{file}", line {number}, in {frame.f_code.co_name}'
            source = linecache.getline(file, number, frame.f_globals).strip()
            if source:
                yield f"  {source}" if len(source) <= _LONG else f"  {source[: _LONG - 3]}..."
            return


def _tracer(frames: Sequence[FrameType], node: Array) -> str | None:
    """Return what a user calls the transform that made a value unknown, if it is under way.

    The trace of the inputs that have no value is a local variable of a call under way, and the
    public function that this call serves is the transform.
    """
    traces = frozenset[Trace]().union(
        *(made.sources for made in topological([node]) if not (made.known or made.operands))
    )
    own = [is_own(frame.f_globals) for frame in frames]
    first = own.index(False) if False in own else len(own)  # of the user's code
    public = {*namespace.LATE, *namespace.__all__}
    for start in (first, 0):  # a function in C that is traced itself has no line of its user
        holding, found = False, None
        for frame, ours in zip(frames[start:], own[start:], strict=True):
            holding = ours and (holding or _holds(frame, traces))
            name = frame.f_code.co_qualname.partition(".")[0]
            # One that is written with another (a loop with `scan`) is what the user called.
            if holding and name in public and (not found or found in frame.f_code.co_names):
                found = name
            elif found:
                break
        if found:
            return _CALLED.get(found, found)
    return None


def _holds(frame: FrameType, traces: frozenset[Trace]) -> bool:
    """Return whether a call of ours has one of some traces in a local variable."""
    for value in frame.f_locals.values():
        if isinstance(value, Trace) and value in traces:
            return True
        if isinstance(value, frozenset) and not traces.isdisjoint(value):
            return True
    return False


def _made_of(node: Array) -> Iterator[str]:
    """Yield the lines about how a value is computed: the last steps, as a program."""
    chosen = _last_steps(node)
    if not chosen:
        yield "It is an argument of the traced function"
        return
    given = [x for made in chosen for x in made.operands if x not in set(chosen)]
    inputs = list(dict.fromkeys(x for x in given if x.sources))
    constants = list(dict.fromkeys(x for x in given if not x.sources))
    number = {x: i for i, x in enumerate((*inputs, *constants, *chosen))}
    steps = [(x.primitive, tuple([number[y] for y in x.operands])) for x in chosen if x.primitive]
    program: Program = Program(
        tuple([x.type for x in inputs]),
        tuple([thaw(x._value) for x in constants]),
        tuple(steps),
        tuple([x.type for x in chosen]),
        (number[node],),
        tuple([_label(x) for x in inputs]),
    )
    yield "It is what this returns:"
    lines = str(program).splitlines()
    yield from [f"  {line}" for line in lines[:_LINES]]
    if len(lines) > _LINES:
        yield "  ..."


def _last_steps(node: Array) -> list[Array]:
    """Return the last nodes that a node is made of, operands before what they make."""
    chosen: dict[Array, None] = {}
    queue = deque([node])
    while queue and len(chosen) < _STEPS:
        made = queue.popleft()
        if made.sources and not isinstance(made.primitive, Input):
            chosen[made] = None
            queue.extend(made.operands)
    order: dict[Array, None] = {}

    def place(made: Array) -> None:  # as deep as there are steps
        for operand in made.operands:
            if operand in chosen and operand not in order:
                place(operand)
        order[made] = None

    if chosen:
        place(node)
    return list(order)


def _label(node: Array) -> str:
    """Return the name of an input, or of a step that is not shown."""
    return node.primitive.label if isinstance(node.primitive, Input) else "earlier"
