"""`checkpoint`: a function whose inner values are computed again by its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Literal, ParamSpec, TypeAlias, TypeVar, final

import numpy as np
from attrs import frozen

from pullback.api.closures import Tree
from pullback.api.functions import like, name_of
from pullback.api.outputs import describe
from pullback.control.budgets import choose
from pullback.control.checkpointing import Named
from pullback.control.cutting import allowed_cuts, apply_pieces, lift_views, prepare
from pullback.core import Array, Program, Trace, apply, build_program, make_node
from pullback.errors import DifferentiationError, PullbackError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.tree import flatten
from pullback.tree import map as tree_map

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

#: What to keep of the values inside a function: the names of some, or one word.
Save: TypeAlias = Literal["nothing", "everything"] | tuple[str, ...]
#: The positional arguments and the keyword arguments.
Arguments: TypeAlias = Tree[tuple[tuple[object, ...], dict[str, object]]]
#: What a function does as a program; what it captures, the program's first inputs; its result.
Traced: TypeAlias = tuple[Program, list[Array], Tree[R]]


def checkpoint(
    f: Callable[P, R], *, save: Save = "nothing", budget: int | None = None
) -> Callable[P, R]:
    """Return a function that is ``f``, but whose derivatives hold less of what it computes.

    Reverse mode needs the values between the arguments and the result of ``f``, and holds them
    from the call to the sweep back. Of the returned function it holds a choice of them, and
    computes the rest again, piece by piece from one kept value to the next, when it comes to them.
    Values are those of ``f``, and derivatives of any order, too, up to the order in which terms are
    added. Memory is bought with time, at most one more evaluation of ``f`` in each sweep:

    - ``save="nothing"`` keeps the arguments and the result alone. The sweep holds, for a while,
      all that is inside ``f``; so this is for the parts of a function, its layers for instance,
      rather than for the whole.
    - ``save=("hidden", ...)`` keeps the values that ``f`` marks with these names by
      `checkpoint_name`, and what else is still needed where one is made: there ``f`` is cut.
    - ``budget`` chooses the points itself, so that what is kept, together with the largest piece
      that is computed again at once, takes at most so many bytes; and so that as few operations
      as possible are computed again, which are the first ones. The arguments, and the few
      cotangents on their way, come on top. Under `vmap`, it counts one example.
    - ``save="everything"`` is ``f``.

    ``f`` is traced in each call, with arrays whose values are unknown to it. Where it asks for
    one (``if x > 0:``), it is called once more, with values: results are the same, but during that
    call all its values are held. What it makes of values that it closes over alone is computed
    once and kept: pass as arguments what should be computed again.

    Plain in, plain out, as in `grad`: where no leaf of any argument is an `Array`, neither is any
    of the result.

    Args:
        f: A pure function of pytrees that returns a pytree. Python numbers are handed on to it as
            they are.
        save: What to keep, as said above.
        budget: A number of bytes, with ``save`` left out.

    Returns:
        A function with the parameters of ``f`` that returns what ``f`` does.

    Raises:
        DifferentiationError: ``save`` or ``budget`` are not as said above. When the function is
            called and differentiated: there is no value of a given name in ``f``, or it needs more
            bytes than the budget has.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> def f(x):
        ...     for _ in range(100):
        ...         x = np.tanh(x + x * x)
        ...     return np.sum(x)
        >>> x = np.linspace(0.0, 1.0, 1000)
        >>> thrifty = checkpoint(f, budget=500_000)  # f alone holds 2_400_008 bytes
        >>> np.allclose(pb.grad(thrifty)(x), pb.grad(f)(x))
        True

    References:
        A. Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse
        automatic differentiation", Optimization Methods and Software 1, 1992.
        T. Chen, B. Xu, C. Zhang and C. Guestrin, "Training deep nets with sublinear memory cost",
        2016; `pullback.control.budgets` says which variant this is.
    """
    _check(f, save, budget)
    if save == "everything":
        return f
    names = () if save == "nothing" else save

    def thrifty(*args: P.args, **kwargs: P.kwargs) -> R:
        return _Checkpoint(f, names, budget).run(args, kwargs)

    return like(f, thrifty)


def checkpoint_name(x: T, name: str) -> T:
    """Return ``x``, under a name by which `checkpoint` may keep it.

    Args:
        x: A pytree; the name is that of each array in it.
        name: The name. Several values may have the same.

    Returns:
        A tree that equals ``x``. Without a `checkpoint` around it, the name means nothing.

    Example:
        >>> import pullback as pb
        >>> def f(x):
        ...     hidden = checkpoint_name(pb.exp(x), "hidden")
        ...     return pb.sin(hidden) * hidden
        >>> pb.grad(checkpoint(f, save=("hidden",)))(0.0) == pb.grad(f)(0.0)
        True
    """
    named = Named(name)
    return tree_map(lambda leaf: apply(named, leaf) if isinstance(leaf, Array) else leaf, x)


@final
@frozen(eq=False, repr=False)
class _Checkpoint(Generic[R]):
    """A function, and what to keep of what it computes."""

    f: Callable[..., R]
    names: tuple[str, ...]
    budget: int | None

    def run(self, args: tuple[object, ...], kwargs: dict[str, object]) -> R:
        """Call the function."""
        leaves, structure = flatten((args, kwargs))
        given = Tree(structure, leaves, [i for i, leaf in enumerate(leaves) if _is_array(leaf)])
        arrays = given.arrays()
        traced = self._trace_types(given, arrays)
        if traced is None:
            moving = [i for i, x in zip(given.numbers, arrays, strict=True) if x.sources]
            given = Tree(structure, leaves, moving)
            arrays = [x for x in arrays if x.sources]
            traced = self._trace(given, [x._value for x in arrays])
        program, captured, result = traced
        outputs = self._apply(program, [*captured, *arrays])
        return result.result(outputs, as_arrays=Array in map(type, leaves))

    def _trace_types(self, given: Arguments, arrays: Sequence[Array]) -> Traced[R] | None:
        """Trace the function with unknown values; return None if it may want known ones."""
        try:
            return self._trace(given, [x.type for x in arrays])
        except PullbackError:  # if it is no value that is missing, the error will come again
            if not all(x.known for x in arrays):
                raise
            return None

    def _trace(self, given: Arguments, values: Sequence[Value]) -> Traced[R]:
        """Return what the function does to arrays of given values, or of types in their place."""
        trace = Trace()
        own = frozenset((trace,))
        inputs = [make_node(value, Input(), (), own) for value in values]
        args, kwargs = given.build(inputs)
        leaves, structure = flatten(self.f(*args, **kwargs))
        numbers = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Array)]
        result = Tree(structure, leaves, numbers)
        program, captured = build_program(trace, inputs, result.arrays())
        for number in numbers:
            leaves[number] = None  # it would hold the graph, with its values
        return program, captured, result

    def _apply(self, program: Program, nodes: Sequence[Array]) -> list[Array]:
        """Compute the outputs of the function; record pieces where something is traced."""
        if not any(node.sources for node in nodes):
            return program.apply(nodes)
        program, nodes = lift_views(program, nodes)
        program, names = prepare(program)
        if self.budget is not None:
            return apply_pieces(program, self._chosen(program, self.budget), nodes)
        allowed = allowed_cuts(program)
        cuts = {len(program.steps)}
        for name in self.names:
            if name not in names:
                raise self._no_name(name, sorted(names))
            cuts.update(allowed.index(True, position) for position in names[name] if position > 0)
        return apply_pieces(program, cuts, nodes)

    def _chosen(self, program: Program, budget: int) -> tuple[int, ...]:
        """Return where to cut under the budget."""
        plan = choose(program, budget)
        if plan.held > budget:
            msg = (
                f"checkpoint: {name_of(self.f)} cannot be differentiated within budget={budget} "
                f"bytes; the smallest budget for it is {plan.held}"
            )
            raise DifferentiationError(msg)
        return plan.cuts

    def _no_name(self, name: str, names: Sequence[str]) -> DifferentiationError:
        there = f"there are {', '.join(map(repr, names))}" if names else "there are no names"
        return DifferentiationError(
            f"checkpoint: save: no value of {name_of(self.f)} has the name {name!r}; {there}; mark "
            f"one that depends on an array among the arguments with checkpoint_name(x, {name!r})"
        )


def _is_array(leaf: object) -> bool:
    """Return whether a leaf is an array, not a Python number, which is handed on as it is."""
    return isinstance(leaf, Array) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biufc")


def _check(f: object, save: object, budget: object) -> None:
    """Raise unless a user asked for something that there is."""
    if not callable(f):
        msg = f"checkpoint: expected a function, not {describe(f)}"
        raise DifferentiationError(msg)
    names = save if isinstance(save, tuple) else (None,)
    if save not in ("nothing", "everything") and not all(isinstance(n, str) for n in names):
        msg = (
            f"checkpoint: save: expected 'nothing', 'everything' or a tuple of names, not {save!r}"
        )
        raise DifferentiationError(msg)
    if budget is None:
        return
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < 0:
        msg = f"checkpoint: budget: expected a number of bytes, not {budget!r}"
        raise DifferentiationError(msg)
    if save != "nothing":
        msg = f"checkpoint: a budget chooses itself what to keep; leave out budget or save={save!r}"
        raise DifferentiationError(msg)
