"""The loader of object files: what it loads runs, and what it does not know it refuses."""

from __future__ import annotations

import ctypes
import gc
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.compiler import elf, loading
from pullback.compiler.executable import compile_program
from pullback.compiler.llvm import link
from pullback.compiler.objects import joined
from tests.lambdas import of

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="LLVM loads code here"
)

#: Functions that call each other, one of ours, and the C library; with constants and variables.
TEXT: Final = """
@table = constant [4 x i64] [i64 10, i64 20, i64 30, i64 40]
@entry = internal constant ptr @twice
@counter = global i64 5
@zeros = global [3 x i64] zeroinitializer

declare i64 @ours(i64)
declare i64 @labs(i64)

define internal i64 @twice(i64 %x) noinline {
  %y = mul i64 %x, 2
  ret i64 %y
}

define i64 @f(i64 %x) {
  %f = load volatile ptr, ptr @entry
  %a = call i64 %f(i64 %x)
  %b = call i64 @ours(i64 %a)
  %c = call i64 @labs(i64 %b)
  %place = getelementptr i64, ptr @table, i64 3
  %d = load volatile i64, ptr %place
  %e = load i64, ptr @counter
  %g = add i64 %e, 1
  store i64 %g, ptr @counter
  %last = getelementptr i64, ptr @zeros, i64 2
  %h = load volatile i64, ptr %last
  %s = add i64 %c, %d
  %t = add i64 %s, %e
  %u = add i64 %t, %h
  ret i64 %u
}
"""


def less(x: int) -> int:
    return -x - 1


OURS: Final = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(less)


def address(function: object) -> int:
    found = ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]  # a function
    assert found is not None
    return found


SYMBOLS: Final = {"ours": address(OURS)}


def code() -> bytes:
    (found,) = link.object_files(TEXT)
    return found


def call(loaded: loading.Loaded | elf.Image, x: int) -> int:
    result: int = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(loaded.address("f"))(x)
    return result


@pytest.mark.parametrize("load", [loading.load, link.load])
def test_code_runs(load: Callable[[bytes, dict[str, int]], loading.Loaded]) -> None:
    loaded = load(joined([code()]), SYMBOLS)
    assert [call(loaded, x) for x in (3, 4)] == [7 + 40 + 5, 9 + 40 + 6]


def test_images_share_nothing() -> None:
    first, second = (elf.load(code(), SYMBOLS) for _ in range(2))
    assert call(first, 0) == call(second, 0) == 46
    assert call(first, 0) == 47


def access(place: int) -> str | None:
    """Return how a page may be used; None if there is none."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        extent, flags, *_ = line.split()
        start, stop = (int(end, 16) for end in extent.split("-"))
        if start <= place < stop:
            return flags
    return None


def test_no_memory_can_be_both_written_and_run() -> None:
    loaded = elf.load(code(), SYMBOLS)
    places = [loaded.address(name) for name in ("f", "table", "counter", "zeros")]
    assert [access(place) for place in places] == ["r-xp", "r--p", "rw-p", "rw-p"]


def test_memory_is_given_back() -> None:
    loaded = elf.load(code(), SYMBOLS)
    place = loaded.address("f")
    assert access(place) is not None
    del loaded
    gc.collect()
    assert access(place) is None


def test_an_executable_keeps_its_code() -> None:
    run = compile_program(pb.trace(of(lambda x: x + 1), np.ones(3))).run
    gc.collect()
    np.testing.assert_array_equal(run([np.ones(3)])[0], 2.0)


def changed(offset: int, form: str, value: int) -> bytes:
    data = bytearray(code())
    struct.pack_into(form, data, offset, value)
    return bytes(data)


def relocation() -> int:
    """Return the offset of the first relocation of code."""
    data = code()
    offset, size, count = *struct.unpack_from("<Q", data, 40), *struct.unpack_from("<2H", data, 58)
    for k in range(count):
        section = struct.unpack_from("<IIQQQQIIQQ", data, offset + k * size)
        target = struct.unpack_from("<IIQ", data, offset + section[7] * size)
        if section[1] == 4 and target[2] & 4:
            return int(section[4])
    raise AssertionError


UNKNOWN: Final[dict[str, Callable[[], bytes]]] = {
    "no object file": lambda: changed(0, "<B", 0),
    "32 bits": lambda: changed(4, "<B", 1),
    "another byte order": lambda: changed(5, "<B", 2),
    "a library": lambda: changed(16, "<H", 3),
    "another machine": lambda: changed(18, "<H", 183),
    "another relocation": lambda: changed(relocation() + 8, "<I", 9),
    "a place outside": lambda: changed(relocation(), "<Q", 2**40),
    "an unknown function": lambda: code().replace(b"\0labs\0", b"\0lax_\0"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_unknown_is_refused(name: str) -> None:
    with pytest.raises(elf.UnloadableError):
        elf.load(UNKNOWN[name](), SYMBOLS)


def test_llvm_loads_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> elf.Image:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(elf, "load", refuse)
    assert call(loading.load(joined([code()]), SYMBOLS), 3) == 52
    executable = compile_program(pb.trace(of(lambda x: pb.sin(pb.sort(x)) + 1), np.ones(3)))
    np.testing.assert_allclose(executable.run([np.zeros(3)])[0], 1.0)
