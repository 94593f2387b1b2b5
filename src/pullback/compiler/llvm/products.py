"""Kernels that contract: loops over register tiles, and calls of BLAS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.contractions import Groups, as_gemm, groups, is_small
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.indices import ZERO, Affine, strides, variable
from pullback.compiler.llvm.loops import Code
from pullback.compiler.llvm.nests import nest
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
from pullback.compiler.llvm.symbols import GEMM_DOUBLE, GEMM_SINGLE, declare
from pullback.primitives.contraction import Contract

_ROWS: Final = 4
_BYTES: Final = 64  # of a row of a tile
_INT: Final = ir.IntType(32)


def emit_product(code: Code, kernel: Kernel) -> None:
    """Append a contraction."""
    (out,) = kernel.values
    contract, (x, y) = code.plan.program.steps[out - code.plan.first]
    assert isinstance(contract, Contract), "the only product"
    if not is_small(contract, code.shape(x), code.shape(y)):
        _call_gemm(code, contract, (x, y, out))
        return
    roles = groups(contract, code.shape(x), code.shape(y))
    tile = _Tiles(code, contract, roles, x, y, out, False)
    last = contract.out[-1] if contract.out else None
    if last in roles.rows and contract.x[-1] == last:  # vectors run along x
        tile = _Tiles(code, contract, roles, y, x, out, True)
    elif last not in roles.columns or contract.y[-1] != last:
        tile.scalars()
        return
    tile.emit()


@final
@frozen
class _Tiles:
    """``left`` gives scalars, ``right`` vectors along the result's last axis."""

    code: Code
    contract: Contract
    roles: Groups
    left: int
    right: int
    out: int
    swapped: bool

    def form(self, number: int, labels: Sequence[int], forms: dict[int, Affine]) -> Affine:
        """Return where an element lies, from a form for each label."""
        total = ZERO
        for label, step in zip(labels, strides(self.code.shape(number)), strict=True):
            total += forms[label].scaled(step)
        return total

    def _factors(self) -> tuple[Sequence[int], Sequence[int]]:
        """Return the labels of ``left`` and ``right``, which may be one value."""
        contract = self.contract
        return (contract.y, contract.x) if self.swapped else (contract.x, contract.y)

    def emit(self) -> None:
        """Append loops over tiles of up to 4 rows by one vector."""
        roles, kind = self.roles, self._kind()
        rows, columns = roles.rows, roles.columns
        if self.swapped:
            rows, columns = columns, rows
        vector, row = columns[-1], max(rows, key=lambda label: roles.sizes[label], default=None)
        lanes = _BYTES // (8 if kind == scalars.DOUBLE else 4)
        for height, row_start, row_count in _cuts(
            roles.sizes[row] if row is not None else 1, _ROWS
        ):
            for width, start, count in _cuts(roles.sizes[vector], lanes):
                self._tile(row, (height, row_start, row_count), vector, (width, start, count))

    def _tile(
        self,
        row: int | None,
        rows: tuple[int, int, int],
        vector: int,
        columns: tuple[int, int, int],
    ) -> None:
        """Append the loops over equal tiles: a sum for each row in registers."""
        b, roles = self.code.builder, self.roles
        height, row_start, row_count = rows
        width, start, count = columns
        whole = ir.VectorType(self._kind(), width)
        outer = [label for label in self.contract.out if label not in {row, vector}]
        on_left, on_right = self._factors()
        with b.goto_entry_block():
            sums = [b.alloca(whole) for _ in range(height)]
        forms = {label: variable(label) for label in roles.sizes}
        forms[vector] = variable(vector).scaled(width, start)

        def lifted(r: int) -> dict[int, Affine]:
            return (
                forms if row is None else forms | {row: variable(row).scaled(height, row_start + r)}
            )

        def inner(variables: dict[int, ir.Value]) -> None:
            elements = self.code.elements(variables)
            place = elements.place(self.form(self.right, on_right, forms))
            right = b.load(self._at(self.right, place), align=self._align(), typ=whole)
            for r, total in enumerate(sums):
                where = elements.place(self.form(self.left, on_left, lifted(r)))
                left = _splat(b, b.load(self._at(self.left, where), typ=self._kind()), width)
                b.store(self._added(b.load(total, typ=whole), left, right), total)

        def body(variables: dict[int, ir.Value]) -> None:
            for total in sums:
                b.store(ir.Constant(whole, [0.0] * width), total)
            nest(b, [(k, roles.sizes[k]) for k in roles.summed], inner, variables)
            elements = self.code.elements(variables)
            for r, total in enumerate(sums):
                place = elements.place(self.form(self.out, self.contract.out, lifted(r)))
                b.store(b.load(total, typ=whole), self._at(self.out, place), align=self._align())

        extents = [(label, roles.sizes[label]) for label in outer]
        extents += [] if row is None else [(row, row_count)]
        nest(b, [*extents, (vector, count)], body)

    def scalars(self) -> None:
        """Append a loop for each element of the result."""
        b, roles, kind = self.code.builder, self.roles, self._kind()
        with b.goto_entry_block():
            total = b.alloca(kind)
        forms = {label: variable(label) for label in roles.sizes}

        def inner(variables: dict[int, ir.Value]) -> None:
            elements = self.code.elements(variables)
            left, right = (
                b.load(self._at(n, elements.place(self.form(n, labels, forms))), typ=kind)
                for n, labels in zip((self.left, self.right), self._factors(), strict=True)
            )
            b.store(self._added(b.load(total, typ=kind), left, right), total)

        def body(variables: dict[int, ir.Value]) -> None:
            b.store(ir.Constant(kind, 0.0), total)
            nest(b, [(k, roles.sizes[k]) for k in roles.summed], inner, variables)
            elements = self.code.elements(variables)
            place = elements.place(self.form(self.out, self.contract.out, forms))
            b.store(b.load(total, typ=kind), self._at(self.out, place))

        nest(b, [(label, roles.sizes[label]) for label in self.contract.out], body)

    def _added(self, total: ir.Value, left: ir.Value, right: ir.Value) -> ir.Value:
        """Append one term; the vectoriser may add the terms of scalars in lanes."""
        b = self.code.builder
        if not self.contract.no_nan:
            return b.fadd(total, b.fmul(left, right, flags=_TERM), flags=_TERM)
        x, y = (right, left) if self.swapped else (left, right)
        product = b.fmul(left, right)
        zero = ir.Constant(product.type, _zeros(product.type))
        silent = b.fcmp_ordered("==", x, zero)
        if self.contract.symmetric:
            silent = b.or_(silent, b.fcmp_ordered("==", y, zero))
        bad = b.and_(silent, b.fcmp_unordered("uno", product, product))
        return b.fadd(total, b.select(bad, zero, product))

    def _kind(self) -> ir.Type:
        return scalars.computed(self.code.plan.program.type_at(self.out).dtype)

    def _align(self) -> int:
        return self.code.plan.program.type_at(self.out).dtype.itemsize

    def _at(self, number: int, place: ir.Value) -> ir.Value:
        b = self.code.builder
        return b.gep(self.code.pointers[number], [place], source_etype=self._kind())


_TERM: Final = ("contract", "reassoc")


def _zeros(kind: ir.Type) -> float | list[float]:
    return [0.0] * kind.count if isinstance(kind, ir.VectorType) else 0.0


def _cuts(size: int, width: int) -> list[tuple[int, int, int]]:
    """Return width, start and number of the equal pieces that make up a size."""
    whole, rest = divmod(size, width)
    pieces = [(width, 0, whole), (rest, whole * width, 1)]
    return [piece for piece in pieces if piece[0] and piece[2]]


def _splat(b: ir.IRBuilder, x: ir.Value, width: int) -> ir.Value:
    kind = ir.VectorType(x.type, width)
    nothing = ir.Constant(kind, ir.Undefined)
    one = b.insert_element(nothing, x, ir.Constant(_INT, 0))
    return b.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_INT, width), [0] * width))


def _call_gemm(code: Code, contract: Contract, numbers: tuple[int, int, int]) -> None:
    """Append calls of BLAS, which takes columns first: outᵀ = rightᵀ·leftᵀ."""
    x, y, out = numbers
    form = as_gemm(contract, code.shape(x), code.shape(y))
    assert form is not None, "the plan has seen to it"
    b = code.builder
    left, right = (y, x) if form.swapped else (x, y)
    kind = scalars.computed(code.plan.program.type_at(out).dtype)

    def cell(value: float, type_: ir.Type) -> ir.Value:
        with b.goto_entry_block():
            place = b.alloca(type_)
            b.store(ir.Constant(type_, value), place)
        return place

    def letter(transposed: bool) -> ir.Value:  # noqa: FBT001 - local
        return cell(ord("T" if transposed else "N"), BYTE)

    m, n, k = (cell(size, _INT) for size in (form.m, form.n, form.k))
    flags = letter(form.right_transposed), letter(form.left_transposed)
    one, zero = cell(1.0, kind), cell(0.0, kind)
    leading = k if form.right_transposed else n, m if form.left_transposed else k
    function = declare(
        b.module,
        GEMM_DOUBLE if kind == scalars.DOUBLE else GEMM_SINGLE,
        ir.FunctionType(ir.VoidType(), [POINTER] * 13),
    )

    def body(variables: dict[int, ir.Value]) -> None:
        def at(number: int, step: int) -> ir.Value:
            place = b.mul(variables[0], ir.Constant(INDEX, step))
            return b.gep(code.pointers[number], [place], source_etype=kind)

        factors = at(right, form.k * form.n), leading[0], at(left, form.m * form.k), leading[1]
        arguments: Sequence[ir.Value] = (
            *flags, n, m, k, one, *factors, zero, at(out, form.m * form.n), n,
        )  # fmt: skip
        b.call(function, arguments)

    nest(b, [(0, form.batch)], body)
