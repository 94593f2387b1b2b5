"""Why a jitted function was traced: what each trace was for, and how it differs from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.api.jit_tracing import Traced
from pullback.api.outputs import NUMERIC
from pullback.core import Program, lift
from pullback.lazy import lazy
from pullback.tree import Structure, flatten
from pullback.tree.structures import LEAF
from pullback.types import ArrayType

if TYPE_CHECKING:
    import difflib
else:
    difflib = lazy("difflib")  # 1 ms, and few ask for it

#: What is different between two calls.
Kind: TypeAlias = Literal["types", "structure", "static", "captured"]

_KEPT: Final = 32  # traces that are remembered
_SHOWN: Final = 4  # differences that a reason names
_WIDTH: Final = 80
#: After how many traces for one kind of reason a user is warned, and what he can do.
_PATIENCE: Final = {"captured": 8, "static": 8, "structure": 16, "types": 32}
_REMEDIES: Final = {
    "captured": "pass what changes as an argument, for then a new value needs no new trace",
    "static": (
        "pass a number or an array as an ordinary argument, and define a function once, outside "
        "of the loop that passes it"
    ),
    "structure": "keep the containers of the arguments the same, a list's length for instance",
    "types": "pad arrays to a few sizes, and keep their dtypes the same",
}


@final
@frozen(eq=False, repr=False)
class Argument:
    """What one argument of a call was like."""

    name: str
    static: bool
    #: Whether it was passed by its name.
    by_name: bool
    structure: Structure[object]
    #: The keys of its dicts in the order of insertion.
    orders: tuple[tuple[object, ...], ...]
    #: A text for each leaf: its type, or what it is.
    leaves: tuple[str, ...]
    #: Which of them are no numbers and no arrays.
    others: tuple[bool, ...]

    @staticmethod
    def of(name: str, value: object, *, static: bool, by_name: bool) -> Argument:
        """Return what an argument is like."""
        if static:
            return Argument(name, static, by_name, LEAF, (), (_text(value),), (True,))
        leaves, structure = flatten(value)
        numeric = [isinstance(leaf, (*NUMERIC, ArrayType)) for leaf in leaves]
        texts = [
            str(_type(leaf)) if flag else _text(leaf)
            for leaf, flag in zip(leaves, numeric, strict=True)
        ]
        others = tuple([not flag for flag in numeric])
        orders = structure.insertion_orders()
        return Argument(name, static, by_name, structure, orders, tuple(texts), others)

    def __str__(self) -> str:
        text = _short(self.structure.write(self.leaves))
        return f"{self.name}={text}" if self.static else f"{self.name}: {text}"


Difference: TypeAlias = tuple[Kind, str]


def differences(before: Sequence[Argument], now: Sequence[Argument]) -> list[Difference]:
    """Return how the arguments of two calls differ."""
    old = {argument.name: argument for argument in before}
    new = {argument.name: argument for argument in now}
    found: list[Difference] = []
    for name in {**old, **new}:
        if name not in new:
            found.append(("structure", f"{name} was given and is not"))
        elif name not in old:
            found.append(("structure", f"{name} was not given"))
        else:
            found += _argument_differences(old[name], new[name])
    if not found and [*old] != [*new]:
        found.append(("structure", "the keyword arguments stand in another order"))
    return found


def _argument_differences(old: Argument, new: Argument) -> Iterable[Difference]:
    name = old.name
    if old.by_name != new.by_name:
        how = {True: "by name", False: "by position"}
        yield "structure", f"{name} was passed {how[old.by_name]} and is passed {how[new.by_name]}"
    if old.structure != new.structure:
        yield "structure", f"{name}: {_short(str(old.structure))} → {_short(str(new.structure))}"
        return
    if old.orders != new.orders:
        yield "structure", f"{name}: the keys of a dict in another order"
    paths = old.structure.paths()
    rows = zip(paths, old.leaves, new.leaves, old.others, new.others, strict=True)
    for path, was, now, *other in rows:
        if was != now:
            kind: Kind = "static" if any(other) or old.static else "types"
            yield kind, f"{name}{path}: {_short(was)} → {_short(now)}"


@final
@frozen(eq=False, repr=False)
class TraceRecord:
    """One trace of a jitted function: what for, and why an earlier one did not do.

    Attributes:
        number: Which trace of the function it is, from 1.
        arguments: What the arguments were like.
        reason: Why the function was traced.
        program: What the trace gave.
        seconds: How long it took, without compiling.
    """

    number: int
    arguments: tuple[Argument, ...]
    reason: str
    program: Program
    seconds: float
    #: The program that it is compared with.
    _before: Program | None

    @property
    def difference(self) -> str:
        """The difference between the program and that of the trace it is compared with."""
        if self._before is None:
            return ""
        before, now = [str(program).splitlines() for program in (self._before, self.program)]
        return "\n".join(difflib.unified_diff(before, now, "before", "now", lineterm="", n=2))

    def __str__(self) -> str:
        given = ", ".join(map(str, self.arguments))
        return (
            f"trace {self.number} for ({given}): {self.reason}; "
            f"{len(self.program.steps)} steps in {1e3 * self.seconds:.1f} ms"
        )

    __repr__ = __str__


@final
@frozen(eq=False, repr=False)
class Reason:
    """Why a call needs a trace."""

    text: str
    kind: Kind | None
    #: What the nearest earlier trace gave.
    before: Program | None


@final
class History:
    """The traces of one function, the latest ones; and whether its user has been warned."""

    def __init__(self, name: str) -> None:
        """Begin with no traces."""
        self._name = name
        self._counts: Counter[Kind] = Counter()
        self._warned = False
        self._number = 0
        self.records: tuple[TraceRecord, ...] = ()

    def reason(self, arguments: Sequence[Argument], changed: str | None) -> Reason:
        """Return why a call needs a trace.

        Args:
            arguments: What its arguments are like.
            changed: What has changed that a trace for such arguments captured.
        """
        if not self.records:
            return Reason("the first call", None, None)
        found = [
            (differences(record.arguments, arguments), record.program)
            for record in self.records[::-1]
        ]
        nearest, program = min(found, key=lambda pair: len(pair[0]))
        if changed is not None:
            return Reason(changed, "captured", program)
        if not nearest:
            return Reason("an earlier trace has been forgotten", None, program)
        shown = [text for _, text in nearest[:_SHOWN]]
        if len(nearest) > _SHOWN:
            shown.append(f"and {len(nearest) - _SHOWN} more")
        return Reason("; ".join(shown), nearest[0][0], program)

    def add(
        self, arguments: tuple[Argument, ...], changed: str | None, traced: Traced[object]
    ) -> str | None:
        """Remember a trace; return a warning if there are too many for one kind of reason.

        Args:
            arguments: What its arguments were like.
            changed: What had changed that an earlier one captured.
            traced: The trace.
        """
        reason = self.reason(arguments, changed)
        self._number += 1
        record = TraceRecord(
            self._number, arguments, reason.text, traced.program, traced.seconds, reason.before
        )
        self.records = (*self.records[-_KEPT + 1 :], record)
        if reason.kind is None:
            return None
        self._counts[reason.kind] += 1
        if self._warned or self._counts[reason.kind] < _PATIENCE[reason.kind]:
            return None
        self._warned = True
        return (
            f"jit: {self._name} has been traced {self._number} times, the last time because of "
            f"{reason.text}; {_REMEDIES[reason.kind]}"
        )


def _type(leaf: object) -> ArrayType:
    """Return the type of a number or an array, which need not be copied."""
    if isinstance(leaf, ArrayType):
        return leaf
    if leaf.__class__ is np.ndarray:
        return ArrayType(leaf.shape, leaf.dtype)
    return lift(leaf).type


def _text(value: object) -> str:
    """Return what a static value is: functions of one name are told apart."""
    if isinstance(value, FunctionType):
        return f"{value.__qualname__} at {id(value):#x}"
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a text for a reader is no reason to fail
        return f"a {type(value).__qualname__}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
