"""Machine code made callable without LLVM: a loader of relocatable object files.

It knows what LLVM writes for functions that are compiled to run at any address (x86-64, Linux, the
large code model), and refuses everything else: `loading` then asks LLVM. Unwinding tables are left
out, for no exception passes through such code.

References:
    System V Application Binary Interface (gABI), chapter 4, "Object Files".
    H. J. Lu and others, "System V Application Binary Interface: AMD64 Architecture Processor
    Supplement", version 1.0, section 4.4 and table 4.9 (relocation types).
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from struct import Struct
from typing import Final, final

from attrs import frozen

_HEADER: Final = Struct("<16sHHIQQQIHHHHHH")
_SECTION: Final = Struct("<IIQQQQIIQQ")
_SYMBOL: Final = Struct("<IBBHQQ")
_RELOCATION: Final = Struct("<QQq")
_WORD: Final = Struct("<Q")

_IDENTITY: Final = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
_RELOCATABLE: Final = 1
_X86_64: Final = 62

_PROGBITS, _SYMTAB, _RELA, _NOBITS = 1, 2, 4, 8  # sh_type
_WRITE, _ALLOC, _EXECUTE = 1, 2, 4  # sh_flags
_LOCAL: Final = 0  # the upper half of st_info
_R_X86_64_64: Final = 1


class UnloadableError(Exception):
    """An object file, or this machine, is not as the loader knows it. Never seen outside."""


@final
@frozen(eq=False, repr=False)
class Image:
    """Code and data in memory, which is given back when nobody holds this any more."""

    _memory: mmap.mmap
    addresses: dict[str, int]

    def address(self, name: str) -> int:
        """Return the address of a function."""
        return self.addresses[name]


def load(code: bytes, symbols: Mapping[str, int]) -> Image:
    """Return an object file in memory, ready to be called.

    Its memory can be written first; then code can be run, and is not written any more.

    Args:
        code: The file.
        symbols: Addresses of what it calls; others are looked for in the process.

    Raises:
        UnloadableError: The file or the machine is of another kind.
        OSError: The system lets no memory become code.
    """
    if sys.platform != "linux":
        raise UnloadableError
    file = _File(code)
    places, end = _layout(file)
    memory = mmap.mmap(-1, max(end, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for number, place in places.items():
        section = file.sections[number]
        if section.type == _PROGBITS:
            memory[place : place + section.size] = file.data(section)
    found = {number: base + place for number, place in places.items()}
    values, names = _symbols(file, found, symbols)
    for section in file.sections:
        if section.type == _RELA and section.info in places:
            _relocate(file, section, memory, places[section.info], values)
    _protect(file, places, base, end)
    return Image(memory, names)


@final
@frozen(eq=False, repr=False)
class _Section:
    """A section header: the fields of the specification, without their prefix."""

    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


@final
class _File:
    """An object file, taken apart."""

    def __init__(self, code: bytes) -> None:
        identity, kind, machine, *_, count, names = header = _HEADER.unpack_from(code)
        if not identity.startswith(_IDENTITY) or (kind, machine) != (_RELOCATABLE, _X86_64):
            raise UnloadableError
        offset = header[6]
        self._code = code
        table = code[offset : offset + count * _SECTION.size]
        self.sections = [_Section(*fields) for fields in _SECTION.iter_unpack(table)]
        self._names = names

    def data(self, section: _Section) -> bytes:
        """Return the bytes of a section."""
        return self._code[section.offset : section.offset + section.size]

    def text(self, table: int, offset: int) -> str:
        """Return a string of a table of strings."""
        start = self.sections[table].offset + offset
        return self._code[start : self._code.index(b"\0", start)].decode()

    def name(self, section: _Section) -> str:
        """Return the name of a section."""
        return self.text(self._names, section.name)


def _layout(file: _File) -> tuple[dict[int, int], int]:
    """Return where sections lie that take memory, and their end.

    Those of one kind of access lie together, and each kind begins a page.
    """
    wanted: list[tuple[int, int, _Section]] = []
    for number, section in enumerate(file.sections):
        if section.flags & _ALLOC and file.name(section) != ".eh_frame":
            if section.type not in {_PROGBITS, _NOBITS} or section.align > mmap.PAGESIZE:
                raise UnloadableError
            wanted.append((_access(section), number, section))
    places: dict[int, int] = {}
    last, end = None, 0
    for access, number, section in sorted(wanted, key=lambda item: item[:2]):
        align = mmap.PAGESIZE if access != last else max(section.align, 1)
        places[number] = -(-end // align) * align
        last, end = access, places[number] + section.size
    return places, end


def _access(section: _Section) -> int:
    return section.flags & (_WRITE | _EXECUTE)


def _symbols(
    file: _File, found: Mapping[int, int], outside: Mapping[str, int]
) -> tuple[list[int | None], dict[str, int]]:
    """Return the address of each symbol, if it has one; and by their names those for others."""
    (table,) = [section for section in file.sections if section.type == _SYMTAB]
    values: list[int | None] = []
    names: dict[str, int] = {}
    for name, info, _, section, value, _ in _SYMBOL.iter_unpack(file.data(table)):
        text = file.text(table.link, name)
        place = found.get(section)
        if place is not None:
            values.append(place + value)
            if info >> 4 != _LOCAL:
                names[text] = place + value
        else:
            values.append(_outside(text, outside) if section == 0 and text else None)
    return values, names


def _outside(name: str, symbols: Mapping[str, int]) -> int:
    """Return the address of a function of ours, or of the process: of the C library."""
    try:
        return symbols[name] if name in symbols else _address(getattr(_process(), name))
    except AttributeError:
        raise UnloadableError from None


def _relocate(
    file: _File, table: _Section, memory: mmap.mmap, place: int, values: Sequence[int | None]
) -> None:
    """Write addresses into a section: symbol and addend in 64 bits (R_X86_64_64, S + A)."""
    section = file.sections[table.info]
    for offset, info, addend in _RELOCATION.iter_unpack(file.data(table)):
        value = values[info >> 32]
        if info & 0xFFFFFFFF != _R_X86_64_64 or value is None or offset + 8 > section.size:
            raise UnloadableError
        _WORD.pack_into(memory, place + offset, (value + addend) % 2**64)


def _protect(file: _File, places: Mapping[int, int], base: int, end: int) -> None:
    """Let memory be read, and written or run as its sections say."""
    starts: dict[int, int] = {}
    for number, place in places.items():  # in ascending order
        starts.setdefault(_access(file.sections[number]), place)
    stops = [*starts.values(), end][1:]
    for (access, start), stop in zip(starts.items(), stops, strict=True):
        protection = mmap.PROT_READ
        protection |= mmap.PROT_WRITE if access & _WRITE else 0
        protection |= mmap.PROT_EXEC if access & _EXECUTE else 0
        if _process().mprotect(base + start, stop - start, protection):
            raise OSError(ctypes.get_errno(), "mprotect")


@cache
def _process() -> ctypes.CDLL:
    """Return the functions of this process, the C library's among them."""
    process = ctypes.CDLL(None, use_errno=True)
    process.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    return process


def _address(function: ctypes._FuncPointer) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None, "a function has an address"
    return address
