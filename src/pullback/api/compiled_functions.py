"""Functions compiled ahead of time, and a look inside: programs, kernels, machine code, times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar, final

from attrs import evolve, field, frozen

from pullback.api.jit_arguments import Key
from pullback.api.jit_callee import Callee
from pullback.api.jit_history import Argument, differences
from pullback.api.jit_patterns import DIFFERENT, Recall, pattern_of
from pullback.api.jit_tracing import Traced
from pullback.core import Program
from pullback.core.signature import Signature
from pullback.errors import ProgramError
from pullback.lazy import lazy
from pullback.tree import flatten, leaf

if TYPE_CHECKING:
    from pullback.compiler import report
    from pullback.compiler.executable import Executable
    from pullback.compiler.kernels import Plan
    from pullback.compiler.report import MemoryReport
else:
    report = lazy("pullback.compiler.report")

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


@leaf
@final
@frozen(eq=False, repr=False)
class Lowered(Generic[P, R_co]):
    """A function traced for arguments of certain structures and types: `Jitted.lower` makes one.

    Example:
        >>> import pullback as pb
        >>> print(pb.jit(lambda x: 2 * x).lower(3.0))
        program(x: weak float64) -> weak float64:
            a: weak float64 = multiply(2, x)
            return a

    Attributes:
        program: What the function does. It is called as the function is, without native code.
    """

    program: Program[P, R_co]
    _callee: Callee[P, R_co]
    _key: Key
    _arguments: tuple[Argument, ...]
    _traced: Traced[R_co]

    def compile(self) -> CompiledFunction[P, R_co]:
        """Return the function as native code.

        Example:
            >>> import numpy as np
            >>> import pullback as pb
            >>> compiled = pb.jit(lambda x: x * 2).lower(np.ones(3)).compile()
            >>> compiled(np.arange(3.0))
            array([0., 2., 4.])
        """
        self._traced.executable()
        return CompiledFunction(self)

    def __str__(self) -> str:
        return str(self.program)

    def __repr__(self) -> str:
        return f"<{self._callee.name} lowered: {self.program!r}>"


@final
@frozen
class Pass:
    """A program after one of the compiler's passes.

    Attributes:
        name: The pass; the first one is the trace.
        program: The program after it.
    """

    name: str
    program: Program

    def __str__(self) -> str:
        return f"after {self.name}:\n{self.program}"


@final
@frozen
class Times:
    """How long each stage took.

    Attributes:
        stages: For each stage its name, and seconds.
    """

    stages: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        """The seconds of all stages."""
        return sum(seconds for _, seconds in self.stages)

    def __str__(self) -> str:
        rows = [*self.stages, ("total", self.total)]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}} {1e3 * seconds:9.3f} ms" for name, seconds in rows)


@leaf
@final
@frozen(eq=False, repr=False)
class CompiledFunction(Generic[P, R_co]):
    """Native code for arguments of certain structures and types: `Lowered.compile` makes one.

    It is called as the function is. ``print`` it for a report of what it consists of.

    Example:
        >>> import pullback as pb
        >>> compiled = pb.jit(lambda x: 2 * x).lower(3.0).compile()
        >>> compiled(4.0)
        8.0
        >>> [step.name for step in compiled.passes][:2]
        ['traced', 'inline']
    """

    _lowered: Lowered[P, R_co]
    #: Recognises arguments that look like those of an earlier call.
    _known: list[Recall[R_co]] = field(factory=list, init=False)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Compute what the function computes.

        Raises:
            ProgramError: The arguments are not like those that it was compiled for; or something
                that the function captured has changed.
        """
        for recall in self._known:
            result = recall(args, kwargs)
            if result is not DIFFERENT:
                return result
        traced = self._lowered._traced
        callee = self._lowered._callee
        changed = traced.captures.changed()
        if changed is not None:
            msg = f"jit: the compiled {callee.name} is stale: {changed}; lower it again"
            raise ProgramError(msg)
        given = callee.open(args, kwargs)
        if given.key != self._lowered._key:
            found = differences(self._lowered._arguments, callee.describe(args, kwargs))
            msg = (
                f"jit: {callee.name} was compiled for other arguments: "
                f"{'; '.join(text for _, text in found)}"
            )
            raise ProgramError(msg)
        if given.traced:
            return traced.apply(given.nodes(), arrays=given.arrays)
        pattern = pattern_of(args, kwargs, callee.options.is_static, given)
        self._known[:] = [] if pattern is None else [pattern.recall(traced)]
        return traced.run(given.values, arrays=given.arrays)

    @property
    def program(self) -> Program[P, R_co]:
        """What the function does."""
        return self._lowered.program

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The program as it was traced, and after each pass."""
        return tuple([Pass(name, program) for name, program in self._executable.passes])

    @property
    def kernels(self) -> Plan:
        """The loops and calls that the program is cut into."""
        return self._executable.plan

    @property
    def memory_plan(self) -> MemoryReport:
        """What a run needs of memory, and where each value lies that is in no register."""
        return report.memory_report(self._executable.plan, self._executable.memory)

    @property
    def llvm_ir(self) -> str:
        """The code in LLVM's intermediate representation."""
        return self._executable.llvm_ir

    @property
    def optimised_llvm_ir(self) -> str:
        """The same after LLVM's passes."""
        return self._executable.optimised_llvm_ir

    @property
    def assembly(self) -> str:
        """The machine code as text."""
        return self._executable.assembly

    @property
    def times(self) -> Times:
        """How long each stage took; stages that the cache saved are absent."""
        traced = self._lowered._traced
        return Times((("trace", traced.seconds), *self._executable.times.items()))

    @property
    def _executable(self) -> Executable:
        return self._lowered._traced.executable()

    def __str__(self) -> str:
        passes = self.passes
        parts = [
            str(passes[0]),
            *map(_text, passes, passes[1:]),
            f"kernels:\n{self.kernels}",
            f"memory:\n{self.memory_plan}",
            f"times:\n{self.times}",
        ]
        return "\n\n".join(parts)

    def __repr__(self) -> str:
        return f"<{self._lowered._callee.name} compiled: {self.program!r}>"


def _text(before: Pass, now: Pass) -> str:
    """Return the text of a pass; a short one where it changed nothing."""
    text = str(now.program)
    return f"after {now.name}: the same" if text == str(before.program) else str(now)


def lower(
    callee: Callee[P, R_co],
    traced: Traced[R_co],
    key: Key,
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> Lowered[P, R_co]:
    """Return a trace as a program that is called with trees.

    Args:
        callee: The function.
        traced: Its trace.
        key: What it was traced for.
        args: The positional arguments.
        kwargs: The keyword arguments.

    Raises:
        ProgramError: The function depends on values of an outer transform.
    """
    if traced.outer:
        msg = (
            f"jit: {callee.name} uses a value of an outer transform ({traced.outer[0].type}), and "
            "what is compiled ahead of time is closed; make it an argument"
        )
        raise ProgramError(msg)
    given: dict[int | str, object] = dict(enumerate(args))
    given.update({name: kwargs[name] for name in sorted(kwargs)})
    opened = {place: flatten(value) for place, value in given.items()}
    types = iter(key.types)
    statics: list[object] = []
    for place, (leaves, _) in opened.items():
        if callee.options.is_static(place):
            statics += leaves
        else:
            statics += [leaf if next(types) is None else None for leaf in leaves]
    result = traced.result
    signature = Signature(
        tuple([(place, structure) for place, (_, structure) in opened.items()]),
        tuple(statics),
        result.structure,
        tuple(result.leaves),
    )
    program: Program[P, R_co] = evolve(traced.program, signature=signature)  # type: ignore[assignment]
    return Lowered(program, callee, key, callee.describe(args, kwargs), traced)
