"""`trace`: a Python function as a `Program`, and how a program is called with trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ParamSpec, TypeVar, final

import numpy as np
from attrs import evolve, frozen

from pullback.api.calls import fitting
from pullback.api.functions import name_of, parameter_name
from pullback.api.inputs import USUAL
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import plain
from pullback.core import Array, Program, Trace, build_program, lift, unknown
from pullback.core.signature import Signature
from pullback.errors import DTypeError, ProgramError, ShapeError
from pullback.primitives.identity import Input
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.structures import mismatch
from pullback.types import ArrayType

P = ParamSpec("P")
R = TypeVar("R")


def trace(f: Callable[P, R], /, *examples: object, **keywords: object) -> Program[P, R]:
    """Return what a function does to arrays of given types, as a program.

    ``f`` is called once, with arrays whose values are unknown to it; what it does to them is
    written down, and what does not depend on them is computed. Leaves of the arguments that are no
    numbers or arrays (strings, callables) are handed to it as they are, and the program is one for
    them alone.

    Args:
        f: A function of pytrees that returns a pytree. It cannot branch on values of the arrays:
            `where` and `cond` select. It cannot use what an outer transform differentiates or maps
            except through its arguments.
        examples: An argument for each positional parameter, of which only the structure and the
            types of the leaves matter: a Python number stands for Python numbers, an array for
            arrays of its shape and dtype. An `ArrayType` may stand for an array.
        keywords: The same for keyword parameters.

    Returns:
        The program. It is called as ``f`` is, with arguments of these structures and types, the
        same ones by keyword; plain in, plain out.

    Raises:
        ProgramError: ``f`` depends on values of an outer transform that are not among its
            arguments.
        ConversionError: ``f`` asks for a value that is not known.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> program = trace(lambda x, w: pb.tanh(x @ w) * 2, np.ones(3), np.ones((3, 4)))
        >>> print(program)
        program(x: float64[3], w: float64[3, 4]) -> float64[4]:
            a: float64[4] = matmul(x, w)
            b: float64[4] = tanh(a)
            c: float64[4] = multiply(b, 2)
            return c
        >>> program(np.zeros(3), np.ones((3, 4)))
        array([0., 0., 0., 0.])
    """
    _check_function(f)
    own = Trace()
    numbered = _numbered(examples, keywords)
    opened = {key: _open(f, key, example, own) for key, example in numbered.items()}
    args = [opened[position].tree for position in range(len(examples))]
    function: Callable[..., R] = f
    result = function(*args, **{key: opened[key].tree for key in keywords})
    leaves, structure = flatten(result)
    program, captured = build_program(
        own,
        [node for argument in opened.values() for node in argument.nodes],
        [lift(leaf) for leaf in leaves if isinstance(leaf, NUMERIC)],
    )
    if captured:
        raise _not_closed(f, captured[0])
    signature = Signature(
        tuple([(key, argument.structure) for key, argument in opened.items()]),
        tuple([static for argument in opened.values() for static in argument.statics]),
        structure,
        tuple([None if isinstance(leaf, NUMERIC) else leaf for leaf in leaves]),
    )
    return evolve(program, signature=signature)  # type: ignore[return-value]  # it does what f does


@final
@frozen(eq=False, repr=False)
class _Argument:
    """An argument as the traced function sees it."""

    tree: object
    structure: Structure[object]
    nodes: Sequence[Array]
    #: For each leaf None if a node stands for it, else the leaf.
    statics: Sequence[object]


def _open(f: Callable[P, R], key: int | str, example: object, trace: Trace) -> _Argument:
    """Return an example with inputs of a trace in place of its arrays."""
    leaves, structure = flatten(example)
    name = key if isinstance(key, str) else parameter_name(f, key)
    nodes: list[Array] = []
    statics: list[object] = []
    for number, path in enumerate(structure.paths()):
        type_ = _type_of(leaves[number])
        statics.append(leaves[number] if type_ is None else None)
        if type_ is not None:
            nodes.append(unknown(type_, frozenset((trace,)), name + "".join(path.texts)))
            leaves[number] = nodes[-1]
    return _Argument(unflatten(structure, leaves), structure, nodes, statics)


def _type_of(leaf: object) -> ArrayType | None:
    """Return the type of an example; None for a leaf that is no array."""
    if isinstance(leaf, ArrayType):
        return leaf
    if not isinstance(leaf, NUMERIC):
        return None
    if leaf.__class__ is np.ndarray and leaf.dtype in USUAL:
        return ArrayType(leaf.shape, leaf.dtype)  # a large example need not be copied
    return lift(leaf).type


def call(program: Program[P, R], args: tuple[object, ...], keywords: Mapping[str, object]) -> R:
    """Call a program with trees; see `Program.__call__`."""
    signature = program.signature or _flat_signature(program)
    given = _numbered(args, keywords)
    wanted = [key for key, _ in signature.arguments]
    if list(given) != wanted:
        msg = (
            f"program: expected {_listed(wanted)}, as in the trace, and was given {_listed(given)}"
        )
        raise ProgramError(msg)
    found: list[object] = []
    for key, structure in signature.arguments:
        leaves, other = flatten(given[key])
        if structure != other:
            raise mismatch(structure, other, f"program: {_listed([key])}", "the trace and the call")
        found += leaves
    arrays = Array in map(type, found)
    nodes: list[Array] = []
    for leaf, static in zip(found, signature.statics, strict=True):
        if static is None:
            nodes.append(_input(program, len(nodes), leaf))
        elif not (leaf is static or leaf == static):
            msg = f"program: traced for {static!r}, which is no array, and not for {leaf!r}"
            raise ProgramError(msg)
    outputs = iter(program.apply(nodes))
    results = [
        static if static is not None else next(outputs) if arrays else plain(next(outputs))
        for static in signature.result_statics
    ]
    return unflatten(signature.result, results)  # type: ignore[return-value]  # it is what f returns


def _numbered(args: tuple[object, ...], keywords: Mapping[str, object]) -> dict[int | str, object]:
    """Return arguments by position or keyword, in an order that does not depend on the call."""
    return {**dict(enumerate(args)), **{key: keywords[key] for key in sorted(keywords)}}


def _input(program: Program[P, R], number: int, leaf: object) -> Array:
    """Return a leaf as an array of the type of an input."""
    try:
        return fitting(leaf, program.inputs[number], "the traced example")
    except (DTypeError, ShapeError) as error:
        name = program.names[number] if program.names else ""
        msg = f"program: {name or f'input {number}'}: {error}"
        raise type(error)(msg) from None


def _flat_signature(program: Program[P, R]) -> Signature:
    """Return the signature of a program of arrays in a row."""
    leaf = flatten(0)[1]
    outputs = (None,) * len(program.outputs)
    return Signature(
        tuple([(i, leaf) for i in range(len(program.inputs))]),
        (None,) * len(program.inputs),
        flatten((0,) * len(outputs))[1],
        outputs,
    )


def _listed(keys: Iterable[int | str]) -> str:
    """Return what an error calls arguments."""
    keys = list(keys)
    if not keys:
        return "no arguments"
    return f"argument{'s' * (len(keys) != 1)} {', '.join(map(str, keys))}"


def _check_function(f: object) -> None:
    """Raise if what should be traced is no function, but an array, say: it has a trace, too."""
    if callable(f):
        return
    msg = f"trace: expected a function and examples of its arguments, not {describe(f)}"
    if isinstance(f, (Array, np.ndarray, list, tuple)):
        msg += "; the sum along the diagonal of an array is x.trace()"
    raise ProgramError(msg)


def _not_closed(f: Callable[P, R], node: Array) -> ProgramError:
    """Return the error about a function that uses a node from outside."""
    what = str(node.type)
    if isinstance(node.primitive, Input) and node.primitive.label:
        what = f"{node.primitive.label}: {what}"
    return ProgramError(
        f"trace: {name_of(f)} uses a value of an outer transform ({what}), and a program is "
        "closed; make it an argument of the function"
    )
