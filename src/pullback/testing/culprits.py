"""Which primitive is at fault: each operation of the function, checked by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from pullback.api.calls import differentiable_call
from pullback.api.inputs import is_inexact
from pullback.core import Array, Program, Trace, apply, lift, topological, unknown
from pullback.errors import PullbackError
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.testing.checks import check_at
from pullback.testing.coordinates import Coordinates, Vector
from pullback.testing.failures import Failure
from pullback.testing.subject import Subject, subject_at
from pullback.testing.trials import Settings
from pullback.transforms.vjp import outside
from pullback.types import ArrayType, type_of

_MOST: Final = 500  # operations that are looked at
_PLUMBING: Final = (Input, Pack, Unpack)


def accuse(f: Subject, x: Vector, settings: Settings, failure: Failure) -> list[str]:
    """Return the lines of a message that say which operation is at fault.

    Args:
        f: The function under test, itself and no derivative of it.
        x: The point.
        settings: What was checked.
        failure: What failed there.
    """
    call = differentiable_call("check_grads", f.f, f.inputs.unpack(x))
    nodes = topological([out for out in call.outputs if out is not None], call.trace)
    views = outside(nodes, call.trace)
    operations = [node for node in nodes if not isinstance(node.primitive, _PLUMBING)]
    suspect: list[str] = []
    for number, node in enumerate(operations[:_MOST], 1):
        operands = [views.get(operand, operand) for operand in node.operands]
        primitive = node.primitive
        assert primitive is not None, "an operation"
        alone = _check_alone(primitive, operands, settings)
        if alone is None:
            continue
        name = f"primitive {primitive.name}, operation {number} of {len(operations)}"
        told = [f"          {line}" for line in (*map(_shown, operands), *alone.lines)]
        if alone.certain:
            fault = f"fault     {name}: by itself, {alone.title} {alone.verdict}"
            return [fault, *told, *_look_inside(primitive, settings)]
        verdict = f"{alone.title} {alone.verdict}"
        suspect = suspect or [f"suspect   {name}: by itself, {verdict}", *told]
    return suspect or _acquit(f, len(operations), certain=failure.certain)


def _check_alone(
    primitive: Primitive, operands: Sequence[Array], settings: Settings
) -> Failure | None:
    """Check one operation as a function of its inexact operands, parts of bundles among them."""
    parts = [_unbundled(operand) for operand in operands]
    places = [(i, j) for i, some in enumerate(parts) for j, x in enumerate(some) if is_inexact(x)]

    def f(xs: list[Array]) -> list[Array]:
        moved = [list(some) for some in parts]
        for (i, j), x in zip(places, xs, strict=True):
            moved[i][j] = x
        given = [
            some[0] if operand.type.parts is None else apply(Pack(), *some)
            for operand, some in zip(operands, moved, strict=True)
        ]
        return [out for out in _unbundled(apply(primitive, *given)) if is_inexact(out)]

    moving = [parts[i][j] for i, j in places]
    labels = [f"operand {i}" + (f".{j}" if len(parts[i]) > 1 else "") for i, j in places]
    inputs = Coordinates(tuple(labels), tuple([x.type for x in moving]))
    number = len(f(moving))
    if not moving or not number:
        return None
    names = ["result"] if number == 1 else [f"result.{i}" for i in range(number)]
    x = inputs.pack(moving)
    return check_at(subject_at(f, inputs, x, names), x, settings)


def _look_inside(primitive: Primitive, settings: Settings) -> list[str]:
    """Return the line that names what is at fault in the programs that a primitive holds, if it is.

    Each step is checked by itself, on values that are made up: none is run that holds programs,
    since a loop on such values might not end.
    """
    for program in _programs(primitive):
        types = [*program.inputs, *map(type_of, program.constants), *program.types]
        for step, numbers in program.steps:
            given = [types[number] for number in numbers]
            if _programs(step):
                inside = _look_inside(step, settings)
                if inside:
                    return inside
            elif not isinstance(step, _PLUMBING) and not any(type_.parts for type_ in given):
                try:
                    alone = _check_alone(step, [_made_up(type_) for type_ in given], settings)
                except (PullbackError, ValueError):  # the values do not suit it
                    continue
                if alone is not None and alone.certain:
                    return [f"inside    primitive {step.name}: {alone.title} {alone.verdict}"]
    return []


def _programs(primitive: Primitive) -> list[Program]:
    """Return the programs among the fields of a primitive."""
    names: tuple[str, ...] = primitive.__match_args__
    fields = [getattr(primitive, name) for name in names]
    held = [part for field in fields for part in (field if isinstance(field, tuple) else (field,))]
    return [part for part in held if isinstance(part, Program)]


def _made_up(type_: ArrayType) -> Array:
    """Return an array of a type: distinct numbers between 0 and 1; no integers but 0."""
    if not type_.inexact:
        return lift(np.zeros(type_.shape, type_.dtype)[()])
    inputs = Coordinates(("",), (type_,))
    return inputs.unpack(np.linspace(0.25, 0.75, sum(inputs.sizes)))[0]


def _unbundled(node: Array) -> list[Array]:
    """Return the parts of a bundle; of anything else, itself."""
    if node.type.parts is None:
        return [node]
    return [apply(Unpack(i), node) for i in range(len(node.type.parts))]


def _acquit(f: Subject, number: int, *, certain: bool) -> list[str]:
    """Return the lines that say what is wrong if no operation is."""
    cuts = _cuts(f)
    if cuts:
        reason = f"the function cuts derivatives off with {', '.join(cuts)}"
    elif certain:
        reason = (
            "look for a custom rule, a value taken out of the trace, or much rounding (then pass "
            "rtol or atol)"
        )
    else:
        return []  # it is the point that is at fault
    checked = f"({number})" if number <= _MOST else f"among the first {_MOST} of {number}"
    return [f"fault     no primitive: each operation {checked} is right by itself; {reason}"]


def _cuts(f: Subject) -> list[str]:
    """Return the operations without derivatives that floating-point numbers pass through."""
    trace = Trace()
    own = frozenset((trace,))
    try:  # where values are unknown these operations are recorded
        found = topological(f.f([unknown(type_, own) for type_ in f.inputs.types]), trace)
    except PullbackError:  # the function looks at values
        return []
    cutting = [node.primitive for node in found if node.primitive and is_inexact(node)]
    return sorted({primitive.name for primitive in cutting if not primitive.differentiable})


def _shown(operand: Array) -> str:
    """Return an operand's type and value, shortened."""
    if operand.type.parts is not None:
        return f"of {operand.type}"
    text = np.array2string(np.asarray(operand), precision=6, threshold=6, edgeitems=2)
    text = " ".join(text.split())
    return f"of {operand.type} {text if len(text) <= 60 else text[:57] + '...'}"
