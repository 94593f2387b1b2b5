"""What `grad` and `value_and_grad` share: one call of the function, and one reverse sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import final

from attrs import frozen

from pullback.api.arguments import Selection, select
from pullback.api.functions import name_of, parameter_name
from pullback.api.inputs import Inputs, number_input, open_inputs
from pullback.api.outputs import describe, one_like, pair_output, scalar_output
from pullback.api.plain import arrays_in, holds_array, release, release_tree, views_outside
from pullback.api.signatures import Unused
from pullback.core import Array, Trace
from pullback.errors import DifferentiationError
from pullback.primitives.quantity import DOUBLES, Quantity
from pullback.transforms.sweep import carry_values
from pullback.transforms.vjp import pull
from pullback.tree.structures import LEAF

#: The value of a function, its auxiliary result, and the gradient.
Result = tuple[object, object, object]


@final
@frozen(eq=False, repr=False)
class Differentiator:
    """A function, and with respect to what it is differentiated; `differentiator` makes one."""

    #: The name that errors give the transform.
    operation: str
    f: Callable[..., object]
    selection: Selection
    #: What the function calls the arguments at the selected positions.
    labels: tuple[str, ...]
    has_aux: bool
    unused: Unused

    def run(self, args: Sequence[object], kwargs: Mapping[str, object]) -> Result:
        """Call the function and differentiate it."""
        selection = self.selection
        if len(args) == 1 and args[0].__class__ is float and selection.first_only and not kwargs:
            return self._run_number(args[0])
        trace = Trace()
        opened: list[Inputs[object]] = []
        replaced = list(args)
        for number, label in zip(selection.positions, self.labels, strict=True):
            if number >= len(args):
                raise self._no_position(number, len(args))
            inputs = open_inputs(args[number], trace, label, self.operation)
            replaced[number] = inputs.argument()
            opened.append(inputs)
        if selection.names:
            kwargs, given = dict(kwargs), kwargs
            for name in selection.names:
                if name not in given:
                    raise self._no_name(name)
                inputs = open_inputs(given[name], trace, name, self.operation)
                kwargs[name] = inputs.argument()
                opened.append(inputs)
        arrays = any(Array in map(type, inputs.leaves) for inputs in opened)
        if not arrays and len(opened) < len(args) + len(kwargs):
            arrays = holds_array(selection.others(args, kwargs))
        return self._differentiate(trace, opened, self.f(*replaced, **kwargs), arrays=arrays)

    def _run_number(self, x: float) -> Result:
        """Do the same for a function of one Python number, without the work for trees."""
        trace, (label,) = Trace(), self.labels
        node = number_input(x, trace, label)
        result = self.f(node)
        if (
            self.has_aux
            or not isinstance(result, Array)
            or result.sources != node.sources
            or result._value.__class__ not in DOUBLES
        ):
            inputs = Inputs[object](label, LEAF, (x,), (node,))
            return self._differentiate(trace, [inputs], result, arrays=False)
        value, seeds = result._value, {result: 1.0}
        del result  # the sweep frees the graph as it passes
        bars = carry_values(seeds)
        if self.unused == "error":
            self._refuse_unused([Inputs(label, LEAF, (x,), (node,))], bars)
        return value, None, float(bars.get(node, 0.0))

    def _differentiate(
        self, trace: Trace, opened: list[Inputs[object]], result: object, *, arrays: bool
    ) -> Result:
        """Return value, auxiliary result and gradient, of which nothing depends on the trace."""
        aux: object = None
        if self.has_aux:
            result, aux = pair_output(self.operation, self.f, result)
        out = scalar_output(self.operation, self.f, result)
        views = None
        if self.has_aux or len(out.sources) > 1:
            views = views_outside(trace, [out, *arrays_in(aux)])
        seeds = {out: one_like(out)} if trace in out.sources else {}
        if arrays or isinstance(result, Array):
            result = release(out, trace, views, arrays=arrays)
        if self.has_aux:
            aux = release_tree(aux, trace, views, arrays=arrays)
        del out  # the sweep frees the graph as it passes
        bars = pull(trace, seeds, views) if seeds else {}
        if self.unused == "error":
            self._refuse_unused(opened, bars)
        gradients = [inputs.gradient(bars, arrays=arrays) for inputs in opened]
        return result, aux, self.selection.arrange(gradients)

    def _refuse_unused(
        self, opened: Sequence[Inputs[object]], bars: Mapping[Array, Quantity]
    ) -> None:
        """Raise if there are inputs that the output does not depend on."""
        unused = [
            label
            for inputs in opened
            for label, node in zip(inputs.labels(), inputs.nodes, strict=True)
            if node is not None and node not in bars
        ]
        if unused:
            msg = (
                f"{self.operation}: the output of {name_of(self.f)} does not depend on "
                f"{', '.join(unused)}; use them, mark them static, or pass unused='zero' to get "
                "zeros"
            )
            raise DifferentiationError(msg)

    def _no_position(self, number: int, given: int) -> DifferentiationError:
        msg = (
            f"{self.operation}: argnums selects position {number}, counted from 0, and "
            f"{name_of(self.f)} was called with {given} positional "
            f"argument{'' if given == 1 else 's'}; pass what is differentiated by position, or "
            "select it by argnames and pass it by keyword"
        )
        return DifferentiationError(msg)

    def _no_name(self, name: str) -> DifferentiationError:
        msg = (
            f"{self.operation}: argnames selects {name!r}, and {name_of(self.f)} was called "
            f"without a keyword argument of this name; pass it as {name}=..."
        )
        return DifferentiationError(msg)


def differentiator(
    operation: str,
    f: object,
    argnums: int | tuple[int, ...] | None,
    argnames: str | tuple[str, ...] | None,
    *,
    has_aux: bool,
    unused: Unused,
) -> Differentiator:
    """Check what the user asked for.

    Raises:
        DifferentiationError: ``f`` is not callable, ``argnums`` and ``argnames`` are not as
            `select` wants them, or ``unused`` is another word.
    """
    if not callable(f):
        msg = f"{operation}: expected a function, not {describe(f)}"
        raise DifferentiationError(msg)
    if unused not in {"zero", "error"}:
        msg = f"{operation}: unused: expected 'zero' or 'error', not {unused!r}"
        raise DifferentiationError(msg)
    selection = select(operation, argnums, argnames)
    labels = tuple([parameter_name(f, number) for number in selection.positions])
    return Differentiator(operation, f, selection, labels, has_aux, unused)
