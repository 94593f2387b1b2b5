"""Programs from the graph: the piece of it between the inputs of a trace and outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from pullback.core.array import Array, lift, make_node
from pullback.core.graph import topological
from pullback.core.program import Program, Step
from pullback.core.trace import Trace
from pullback.core.values import thaw
from pullback.primitives.identity import Input
from pullback.types import ArrayType


def build_program(
    trace: Trace, inputs: Sequence[Array], outputs: Sequence[Array]
) -> tuple[Program, list[Array]]:
    """Return the piece of the graph between inputs of a trace and outputs, as a program.

    Nodes that depend on other traces are captured: they become further inputs of the program.

    Args:
        trace: The trace.
        inputs: Its inputs.
        outputs: Nodes.

    Returns:
        The program, whose inputs are the captured nodes and then those given; and the captured
        nodes.
    """
    given = set(inputs)
    order = [node for node in topological(outputs[::-1], trace) if node not in given]
    made = {*given, *order}
    used = chain(chain.from_iterable([node.operands for node in order]), outputs)
    outer = list(dict.fromkeys([node for node in used if node not in made]))
    captured = [node for node in outer if node.sources]
    constants = [node for node in outer if not node.sources]
    number = {node: i for i, node in enumerate(chain(captured, inputs, constants, order))}
    steps: list[Step] = []
    for node in order:
        primitive, operands = node.primitive, node.operands
        assert primitive is not None, "a node that depends on a trace is no constant"
        if len(operands) == 2:  # at half of what the comprehension takes
            steps.append((primitive, (number[operands[0]], number[operands[1]])))
        else:
            steps.append((primitive, tuple([number[operand] for operand in operands])))
    program: Program = Program(
        tuple([node.type for node in (*captured, *inputs)]),
        tuple([thaw(node._value) for node in constants]),
        tuple(steps),
        tuple([node.type for node in order]),
        tuple([number[node] for node in outputs]),
        tuple([_label(node) for node in (*captured, *inputs)]),
    )
    return program, captured


def trace_program(
    f: Callable[[list[Array]], Sequence[object]], types: Sequence[ArrayType]
) -> tuple[Program, list[Array]]:
    """Return what a function does to arrays of given types, as a program.

    Args:
        f: A function of a list of arrays, whose values are unknown to it. It returns arrays or
            numbers.
        types: Their types.

    Returns:
        The program, and the nodes from outside that it captures: its first inputs, as in
        `build_program`.
    """
    trace = Trace()
    sources = frozenset((trace,))
    inputs = [unknown(type_, sources) for type_ in types]
    return build_program(trace, inputs, [lift(out) for out in f(inputs)])


def unknown(type_: ArrayType, sources: frozenset[Trace], label: str = "") -> Array:
    """Return an input of traces whose value is not known."""
    return make_node(type_, Input(label), (), sources)


def _label(node: Array) -> str:
    return node.primitive.label if isinstance(node.primitive, Input) else ""
