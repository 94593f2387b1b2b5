"""What compiled Python code mentions: globals, attributes, imports, and names that it rebinds.

The code is read, never run. `captured_walk` looks up what the names stand for.
"""

from __future__ import annotations

import dis
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Final, final

from attrs import frozen

_GLOBAL: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_OUTER: Final = frozenset(dis.opmap[name] for name in ("STORE_DEREF", "DELETE_DEREF"))
#: By how many bits the number of a name is shifted in the operand.
_SHIFTS: Final = {"LOAD_GLOBAL": 1} | (
    {"LOAD_ATTR": 1, "LOAD_SUPER_ATTR": 2} if sys.version_info >= (3, 12) else {}
)
_NAMED: Final = {
    number: (dis.opname[number], _SHIFTS.get(dis.opname[number], 0)) for number in dis.hasname
}
_REBINDING: Final = ("STORE_", "DELETE_")
#: Code that mentions one of these may read attributes whose names it does not mention,
_READING: Final = frozenset(
    {"getattr", "hasattr", "vars", "__dict__", "attrgetter", "methodcaller", "asdict", "astuple"}
)
#: or rebind names that it does not mention.
_SETTING: Final = frozenset({"setattr", "delattr", "globals", "vars", "__dict__", "exec"})


#: Code that mentions one of these may read globals whose names stand in strings.
_QUOTING: Final = frozenset({"globals", "eval", "exec"})


@final
@frozen(eq=False, repr=False)
class Code:
    """What a function's code mentions, with that of the functions and classes inside it."""

    #: In the order of mention.
    global_names: tuple[str, ...]
    attributes: tuple[str, ...]
    imports: tuple[str, ...]
    #: Names of globals, outer variables and attributes that it rebinds; None where any may be.
    rebinds: frozenset[str] | None
    #: Whether it may read attributes that it does not mention.
    dynamic: bool


@lru_cache(maxsize=4096)
def read_code(code: CodeType) -> Code:
    """Return what a code object mentions."""
    global_names: dict[str, None] = {}
    attributes: dict[str, None] = {}
    imports: dict[str, None] = {}
    rebinds: set[str] = set()
    for part in _parts(code):
        for name, operation in _named(part):
            if operation.startswith(_REBINDING):
                rebinds.add(name)
            elif operation == "IMPORT_NAME":
                imports[name] = None
            else:
                (global_names if operation in _GLOBAL else attributes)[name] = None
    mentioned = global_names.keys() | attributes.keys()
    dynamic = not mentioned.isdisjoint(_READING)
    if dynamic:  # getattr(x, "name")
        for part in _parts(code):
            attributes |= {c: None for c in part.co_consts if isinstance(c, str)}
    if not mentioned.isdisjoint(_QUOTING):  # globals()["name"], eval("name + 1")
        for part in _parts(code):
            for text in part.co_consts:
                found = re.findall(r"[^\W\d]\w*", text) if isinstance(text, str) else ()
                global_names |= dict.fromkeys(found)
    return Code(
        tuple(global_names),
        tuple(attributes),
        tuple(imports),
        frozenset(rebinds) if mentioned.isdisjoint(_SETTING) else None,
        dynamic,
    )


def _parts(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and those of the functions and classes inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


def _named(code: CodeType) -> Iterator[tuple[str, str]]:
    """Yield the names that are no local variables, each with the operation on it.

    As `dis.get_instructions` does, in a twentieth of the time.
    """
    names, units, high = code.co_names, code.co_code, 0
    for place in range(0, len(units), 2):
        operation = units[place]
        if operation in _NAMED:
            text, shift = _NAMED[operation]
            yield names[(units[place + 1] | high) >> shift], text
        elif operation in _OUTER:
            for name in code.co_freevars:  # one of these, perhaps
                yield name, "STORE_DEREF"
        high = (units[place + 1] | high) << 8 if operation == dis.EXTENDED_ARG else 0


@lru_cache(maxsize=4096)
def code_key(code: CodeType) -> object:
    """Return what is equal for code that does the same, wherever it stands."""
    return _key(code)


def _key(constant: object) -> object:
    """Return what is equal for constants of code that are the same: no 1 for 1.0 or True."""
    if isinstance(constant, CodeType):
        c = constant
        names = (c.co_names, c.co_varnames, c.co_freevars, c.co_cellvars)
        numbers = (c.co_argcount, c.co_posonlyargcount, c.co_kwonlyargcount, c.co_flags)
        return (c.co_code, c.co_exceptiontable, names, numbers, tuple(map(_key, c.co_consts)))
    if isinstance(constant, tuple):
        return (tuple, *map(_key, constant))
    if isinstance(constant, frozenset):
        return frozenset(map(_key, constant))
    if isinstance(constant, (float, complex)):
        return (type(constant), repr(constant))
    return (type(constant), constant)
