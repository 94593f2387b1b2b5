"""A program as text: one line for each step, with the type of what it gives.

    program(x: float64[3], w: float64[3, 4]) -> float64[4]:
        a: float64[4] = matmul(x, w)
        b: float64[4] = multiply(a, 2.0)
        return b

It reads as Python does and is nothing that can be run. Small constants stand where they are used.
A static parameter is named unless the types say it too. Bundles are tuples: what packs and unpacks
them has no line. Programs that a step holds stand below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count, product
from keyword import iskeyword
from string import ascii_lowercase, ascii_uppercase
from typing import Final, final

import attrs
import numpy as np
from attrs import frozen

from pullback.core.program import Program, held_programs
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.contraction import Contract
from pullback.primitives.gather import Gather
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Value
from pullback.primitives.slicing import Slice, Slots
from pullback.types import ArrayType, Bundle, type_of

_WIDTH: Final = 100  # of the line with the inputs; a longer one is broken
_ALIGNED: Final = 28  # a longer left side does not push the others' right sides outward
_ELEMENTS: Final = 8  # a longer constant is shown in part, on a line of its own
_INDENT: Final = "    "
#: For the axes of contractions: i, j, k first.
_LETTERS: Final = ascii_lowercase[8:] + ascii_lowercase[:8] + ascii_uppercase
#: Static parameters that matter to derivatives alone, or follow from the types of the operands.
_SILENT: Final = frozenset({"active", "bounds", "unique"})


def write(program: Program) -> str:
    """Return the text of a program."""
    return "\n".join(_lines("program", program))


def value_names(program: Program) -> list[str]:
    """Return what stands for each value where the program is printed."""
    return _rows(program)[1]


def _lines(head: str, program: Program) -> list[str]:
    """Return the lines of a program, the first of which begins with ``head``."""
    rows, texts = _rows(program)
    width = max([len(row.left) for row in rows if len(row.left) <= _ALIGNED], default=0)
    lines = _header(head, program, texts[: len(program.inputs)])
    for row in rows:
        lines.append(f"{_INDENT}{row.left:<{width}} = {row.right}")
        for name, nested in row.programs:
            lines += [_INDENT * 2 + line for line in _lines(name, nested)]
    lines.append(f"{_INDENT}return {_result(program, [texts[out] for out in program.outputs])}")
    return lines


def _rows(program: Program) -> tuple[list[_Row], list[str]]:
    """Return the rows of a program, and what stands for each of its values."""
    names = _Names(set(), _letters())
    texts = [names.of(label) for label in program.names or ("",) * len(program.inputs)]
    rows: list[_Row] = []
    for value in program.constants:
        text = _value(value)
        if isinstance(value, np.ndarray) and value.size > _ELEMENTS:
            name = names.of(f"const_{len(rows)}")
            rows.append(_Row(f"{name}: {type_of(value)}", text))
            text = name
        texts.append(text)
    rows += _steps(program, texts, names)
    return rows, texts


def _header(head: str, program: Program, inputs: Sequence[str]) -> list[str]:
    """Return the line with the inputs, or several if it is long or paths have to be explained."""
    stated = [f"{name}: {type_}" for name, type_ in zip(inputs, program.inputs, strict=True)]
    result = _result(program, list(map(str, program.output_types)))
    line = f"{head}({', '.join(stated)}) -> {result}:"
    paths = [label not in ("", name) for label, name in zip(program.names, inputs, strict=False)]
    if not any(paths) and len(line) <= _WIDTH:
        return [line]
    width = max(map(len, stated), default=0) + 1
    rows = [f"{_INDENT}{text + ',':<{width}}" for text in stated]
    for number, path in enumerate(paths):
        if path:
            rows[number] += f"  # {program.names[number]}"
    return [f"{head}(", *(row.rstrip() for row in rows), f") -> {result}:"]


def _result(program: Program, texts: Sequence[str]) -> str:
    """Return the text of the result from those of the outputs."""
    if program.signature is None:
        return texts[0] if len(texts) == 1 else _tuple(texts)
    outputs = iter(texts)
    statics = program.signature.result_statics
    leaves = [next(outputs) if static is None else _static(static) for static in statics]
    return program.signature.result.write(leaves)


@final
@frozen(eq=False, repr=False)
class _Row:
    """A line ``left = right``, and the programs that stand below it."""

    left: str
    right: str
    programs: Sequence[tuple[str, Program]] = ()


@final
@frozen(eq=False, repr=False)
class _Names:
    """Names that are given once."""

    taken: set[str]
    letters: Iterator[str]

    def of(self, label: str) -> str:
        """Return an identifier that reads like a label: ``params['w']`` is ``params_w``."""
        name = re.sub(r"\W+", "_", label).strip("_")
        if iskeyword(name):
            name += "_"
        return self._first(_variants(name)) if name.isidentifier() else self.fresh()

    def fresh(self) -> str:
        """Return the next letter that is no name yet."""
        return self._first(self.letters)

    def _first(self, candidates: Iterator[str]) -> str:
        name = next(name for name in candidates if name not in self.taken)
        self.taken.add(name)
        return name


def _letters() -> Iterator[str]:
    """Yield a, b, ..., z, aa, ab, ..."""
    for length in count(1):
        for letters in product(ascii_lowercase, repeat=length):
            name = "".join(letters)
            if not iskeyword(name):
                yield name


def _variants(name: str) -> Iterator[str]:
    """Yield a name, and then the name with numbers."""
    yield name
    for number in count(2):
        yield f"{name}_{number}"


def _steps(program: Program, texts: list[str], names: _Names) -> list[_Row]:
    """Return the rows of the steps, and add to ``texts`` what stands for their results."""
    rows: list[_Row] = []
    whole: set[object] = set(program.outputs)  # values that are used; of a bundle also its parts
    for primitive, numbers in program.steps:
        part = isinstance(primitive, Unpack) and (numbers[0], primitive.index)
        whole.update([part] if part else numbers)
    parts: dict[int, list[str]] = {}  # of each bundle
    for (primitive, numbers), type_ in zip(program.steps, program.types, strict=True):
        number = len(texts)
        if isinstance(primitive, Pack):
            parts[number] = [texts[operand] for operand in numbers]
            texts.append(_tuple(parts[number]))
            continue
        if isinstance(primitive, Unpack):
            bundle, index = numbers[0], primitive.index
            texts.append(parts[bundle][index] if bundle in parts else f"{texts[bundle]}[{index}]")
            continue
        operands = [texts[operand] for operand in numbers]
        right = _application(primitive, operands, [program.type_at(n) for n in numbers], type_)
        programs = list(held_programs(primitive))
        if type_.parts is None:
            texts.append(names.fresh())
            left = f"{texts[-1]}: {type_}"
        else:
            parts[number] = [
                names.fresh() if number in whole or (number, index) in whole else "_"
                for index in range(len(type_.parts))
            ]
            texts.append(_tuple(parts[number]))
            pairs = zip(parts[number], type_.parts, strict=True)
            left = ", ".join([f"{name}: {part}" for name, part in pairs])
        rows.append(_Row(left, right, programs))
    return rows


def _application(
    primitive: Primitive, operands: Sequence[str], types: Sequence[ArrayType], out: ArrayType
) -> str:
    """Return the text of a primitive applied to operands."""
    match primitive:
        case Slice(slots=slots):
            return f"{operands[0]}[{_slots(slots, types[0].shape)}]"
        case Gather(axes=axes, position=position) if position == _numpys_position(axes):
            key = [":"] * (axes[-1] + 1)
            for axis, index in zip(axes, operands[1:], strict=True):
                key[axis] = index
            return f"{operands[0]}[{', '.join(key)}]"
        case Contract() if _is_matmul(primitive):
            return f"matmul({', '.join(operands)})"
        case Contract():
            flags = [name for name in ("no_nan", "symmetric") if getattr(primitive, name)]
            parts = [_subscripts(primitive), *operands, *[f"{name}=True" for name in flags]]
        case _:
            parts = [*_program_fields(primitive), *operands, *_fields(primitive, out)]
    return f"{primitive.name}({', '.join(parts)})"


def _program_fields(primitive: Primitive) -> list[str]:
    """Return the names of the static parameters that hold programs."""
    return list(dict.fromkeys(name.partition("[")[0] for name, _ in held_programs(primitive)))


def _fields(primitive: Primitive, out: ArrayType | None) -> Iterator[str]:
    """Yield the static parameters that say more than the type of the result and the defaults."""
    programs = _program_fields(primitive)
    for field in attrs.fields(type(primitive)):
        value: Value = getattr(primitive, field.name)
        if field.name in _SILENT or not field.eq or value is False:
            continue
        if value.__class__ is field.default.__class__ and value == field.default:
            continue
        if out is not None and value == getattr(out, field.name, None):  # shape, dtype, weak
            continue
        if field.name in programs:
            continue
        if field.name == "slots" and out is not None:  # of what has the shape of the result
            yield f"slots=[{_slots(value, out.shape)}]"
        else:
            yield f"{field.name}={_static(value)}"


def _static(value: Value) -> str:
    """Return the text of a static parameter."""
    if isinstance(value, tuple):
        return _tuple(list(map(_static, value)))
    if isinstance(value, Primitive):
        return f"{value.name}({', '.join(_fields(value, None))})"
    if isinstance(value, np.dtype):
        return str(value)
    if callable(value) and isinstance(name := getattr(value, "__name__", None), str):
        return name
    return repr(value)


def _slots(slots: Slots, shape: tuple[int, ...]) -> str:
    """Return an index into an array of a shape as one writes it."""
    texts = []
    for slot, size in zip(slots, shape, strict=True):
        if not isinstance(slot, slice):
            texts.append(str(slot))
            continue
        ends = (0, size) if slot.step > 0 else (size - 1, None)
        first = "" if slot.start == ends[0] else slot.start
        last = "" if slot.stop == ends[1] else slot.stop
        texts.append(f"{first}:{last}" + (f":{slot.step}" if slot.step != 1 else ""))
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return ", ".join(texts)


def _numpys_position(axes: tuple[int, ...]) -> int:
    """Return before which other axis NumPy puts the axes of index arrays at ``axes``."""
    adjacent = axes == tuple(range(axes[0], axes[0] + len(axes)))
    return axes[0] if adjacent else 0


def _is_matmul(primitive: Contract) -> bool:
    """Return whether a contraction is what ``matmul`` makes of operands of these ranks."""
    x, y = primitive.x, primitive.y
    if not x or not y or primitive.no_nan or primitive.name != "matmul":
        return False
    inner = y[-2] if len(y) > 1 else y[0]
    stacked, rest = y[:-2], tuple([label for label in y[-2:] if label != inner])
    aligned = x[:-2][max(len(x) - len(y), 0) :] == stacked
    return x[-1] == inner and aligned and primitive.out == x[:-1] + rest


def _subscripts(primitive: Contract) -> str:
    """Return the axes of a contraction as ``einsum`` takes them."""
    x, y, out = primitive.x, primitive.y, primitive.out
    letters = dict(zip(dict.fromkeys((*x, *y)), _LETTERS, strict=False))
    texts = ["".join([letters[label] for label in labels]) for labels in (x, y, out)]
    return f"'{texts[0]},{texts[1]}->{texts[2]}'"


def _value(value: Value) -> str:
    """Return the text of a constant, in part if it is long."""
    if value.__class__ in NUMBERS:
        return repr(value)
    if isinstance(value, Bundle):
        return _tuple([_value(part) for part in value.parts])
    if not isinstance(value, np.ndarray):
        return f"{value.dtype}({value!s})"  # as NumPy writes it in its own precision
    shown = value if value.size <= _ELEMENTS else value.ravel()[: _ELEMENTS // 2]
    text = re.sub(r"\s+", " ", np.array2string(shown, separator=", ", max_line_width=1000))
    if value.size > _ELEMENTS:
        return f"{text[:-1]}, ...]"
    # NumPy writes these so that they can be told apart.
    plain = value.size and value.dtype in map(np.dtype, ("f8", "i8", "?", "c16"))
    return text if plain else f"{value.dtype}({text})"


def _tuple(texts: Sequence[str]) -> str:
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"
