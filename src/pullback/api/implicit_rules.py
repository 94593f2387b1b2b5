"""The derivatives of a solution of equations: the rules, and the linear systems in them.

A solver finds y with F(y, p) = 0. Then, with J = ∂F/∂y and B = ∂F/∂p at the solution,

    J ẏ + B ṗ = 0        ẏ = -J⁻¹ B ṗ        p̄ = -Bᵀ J⁻ᵀ ȳ

All three are compositions of `jvp` and `vjp` of F; nothing of the solver is differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias, final

from attrs import frozen

from pullback.api.batching import vmap
from pullback.api.complex import imag, real
from pullback.api.contractions import reshaped
from pullback.api.creation import eye
from pullback.api.custom_calls import Definition, check_closed
from pullback.api.custom_rules import customized
from pullback.api.forward import jvp
from pullback.api.functions import name_of
from pullback.api.inputs import as_differentiable
from pullback.api.joining import concat
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import arrays_in
from pullback.api.pullbacks import vjp
from pullback.api.signatures import P, R
from pullback.api.transposition import matrix_transpose
from pullback.core import Array, apply, lift
from pullback.errors import DTypeError, ShapeError, SingularMatrixError
from pullback.primitives.cast import Cast
from pullback.primitives.solve import Solve
from pullback.tree import flatten, map, structure, unflatten
from pullback.tree.structures import leaf_path, mismatch

Tree: TypeAlias = object
#: A linear function of a tree.
Operator: TypeAlias = Callable[[Tree], Tree]


@final
@frozen
class Equations:
    """Equations that a solution satisfies, and how linear ones of their form are solved."""

    #: The public function, for errors.
    operation: str
    #: What the user gave, for errors.
    name: str
    residual: Callable[..., Tree]
    #: None for elimination in a dense matrix.
    solve: Callable[..., Tree] | None

    def solved(self, solver: Callable[P, R]) -> Callable[P, R]:
        """Return the solver, with derivatives; its first argument is a guess."""

        def forward(*args: P.args, **options: P.kwargs) -> tuple[R, tuple[Tree, ...]]:
            y = solver(*args, **options)
            self._check(f"the guess and what {name_of(solver)} returned", args[0], y)
            return y, (y, args[1:])

        definition = Definition(self.operation, solver, forward, self._pull, self._push)
        return customized(definition)

    def _push(
        self,
        primals: tuple[Tree, ...],
        tangents: tuple[Tree, ...],
        y: Tree,
        **options: Tree,
    ) -> Tree:
        """Return ẏ from J ẏ = -B ṗ."""
        params = primals[1:]
        if not _moves(params):
            return map(_zero, y)
        _, b = jvp(lambda p: self._values(y, p, options), params, tangents[1:])

        def operator(v: Tree, y: Tree, params: tuple[Tree, ...]) -> Tree:
            return jvp(lambda x: self._values(x, params, options), y, v)[1]

        return self._solve(operator, map(_negative, b), y, params)

    def _pull(
        self, residuals: tuple[Tree, tuple[Tree, ...]], y_bar: Tree, **options: Tree
    ) -> tuple[Tree, ...]:
        """Return p̄ from Jᵀ w = -ȳ, p̄ = Bᵀ w."""
        y, params = residuals
        if not _moves(params):
            return (None, *params)

        def operator(w: Tree, y: Tree, params: tuple[Tree, ...]) -> Tree:
            return vjp(lambda x: self._values(x, params, options), y)[1](w)

        w = self._solve(operator, map(_negative, y_bar), y, params)
        _, pullback = vjp(lambda p: self._values(y, p, options), params)
        return (None, *pullback(w))

    def _values(self, y: Tree, params: tuple[Tree, ...], options: Mapping[str, Tree]) -> Tree:
        """Return what should be zero, in the types of the unknowns.

        Raises:
            DifferentiationError: It depends on what is neither an unknown nor a parameter.
            StructureError: It has another structure than the unknowns.
            ShapeError: It has another shape somewhere.
            DTypeError: It is complex where the unknowns are real, or no number.
        """
        unknowns, form = flatten(y)
        values, found = flatten(self.residual(y, *params, **options))
        if form != found:
            raise mismatch(form, found, self.operation, f"the unknowns and {self.name}")
        check_closed(self.operation, self.name, arrays_in(values), arrays_in((y, params)))
        for number, (unknown, value) in enumerate(zip(unknowns, values, strict=True)):
            x = as_differentiable(unknown)
            if x is None:
                continue
            where = f"{self.operation}: {self.name} at {leaf_path(form, number).place}"
            if not isinstance(value, NUMERIC):
                msg = f"{where} is {describe(value)}; expected {x.type}, as the unknowns are"
                raise DTypeError(msg)
            array = lift(value)
            if array.shape != x.shape:
                msg = f"{where} has shape {array.shape}, and the unknowns have shape {x.shape}"
                raise ShapeError(msg)
            if array.dtype.kind == "c" and x.dtype.kind != "c":
                msg = f"{where} is complex, and the unknowns are real ({x.dtype})"
                raise DTypeError(msg)
            fits = array.type == x.type
            values[number] = array if fits else apply(Cast(x.dtype, x.type.weak), array)
        return unflatten(form, values)

    def _solve(
        self, operator: Callable[..., Tree], b: Tree, y: Tree, params: tuple[Tree, ...]
    ) -> Tree:
        """Return the solution v of ``operator(v, y, params) = b``, which can be differentiated."""
        if self.solve is None:
            return self._eliminate(lambda v: operator(v, y, params), b, y)
        solve, name = self.solve, name_of(self.solve)

        def solver(_: Tree, b: Tree, y: Tree, params: tuple[Tree, ...]) -> Tree:
            v = solve(lambda v: operator(v, y, params), b)
            self._check(f"the right-hand side and what {name} returned", b, v)
            return v

        def residual(v: Tree, b: Tree, y: Tree, params: tuple[Tree, ...]) -> Tree:
            return map(_difference, operator(v, y, params), b)

        # A solution of equations again: those of the linear system.
        return Equations(self.operation, name, residual, solve).solved(solver)(b, b, y, params)

    def _check(self, trees: str, want: Tree, found: Tree) -> None:
        """Raise if what was found has another structure."""
        if structure(want) != structure(found):
            raise mismatch(structure(want), structure(found), self.operation, trees)

    def _eliminate(self, operator: Operator, b: Tree, y: Tree) -> Tree:
        """Solve with the dense matrix of an operator, whose columns are one batch."""
        rhs = _pack(b)
        (n,) = rhs.shape
        columns = vmap(lambda e: _pack(operator(_unpack(e, y))))(eye(n, dtype=rhs.dtype))
        try:
            v = apply(Solve(), matrix_transpose(columns), reshaped(rhs, (n, 1)))
        except SingularMatrixError:
            msg = (
                f"{self.operation}: the derivative of {self.name} with respect to the unknowns is "
                "singular at the solution, so the solution is not a smooth function of the other "
                "arguments there (a double root, or redundant unknowns)"
            )
            raise SingularMatrixError(msg) from None
        return _unpack(reshaped(v, (n,)), y)


def _moves(tree: Tree) -> bool:
    """Return whether a tree has floating-point numbers."""
    return any(as_differentiable(leaf) is not None for leaf in flatten(tree)[0])


def _negative(leaf: object) -> object:
    return -leaf if isinstance(leaf, Array) else leaf


def _zero(leaf: object) -> object:
    return leaf * 0 if isinstance(leaf, Array) else leaf


def _difference(x: object, y: object) -> object:
    return x - y if isinstance(x, Array) and isinstance(y, Array) else x


def _pack(tree: Tree) -> Array:
    """Return the numbers of a tree as a vector of real ones: a complex number has two."""
    parts: list[Array] = []
    for leaf in flatten(tree)[0]:
        array = as_differentiable(leaf)
        if array is not None:
            parts += [real(array), imag(array)] if array.dtype.kind == "c" else [array]
    return concat([reshaped(part, (math.prod(part.shape),)) for part in parts])


def _unpack(vector: Array, like: Tree) -> Tree:
    """Return a tree with the numbers of a vector."""
    leaves, structure = flatten(like)
    start = 0
    for number, leaf in enumerate(leaves):
        array = as_differentiable(leaf)
        if array is None:
            continue
        size = math.prod(array.shape)
        part = vector[start : start + size]
        start += size
        if array.dtype.kind == "c":
            part = part + 1j * vector[start : start + size]
            start += size
        want = array.type
        leaves[number] = apply(Cast(want.dtype, want.weak), reshaped(part, array.shape))
    return unflatten(structure, leaves)
