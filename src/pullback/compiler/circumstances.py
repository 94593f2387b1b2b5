"""What machine code depends on beside the program: for another machine or version it is none."""

# ruff: noqa: PTH118, PTH120, PTH123 - a path of strings: pathlib takes milliseconds to load

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from os import path
from typing import TYPE_CHECKING, Final

import numpy as np

from pullback.lazy import lazy

if TYPE_CHECKING:
    from llvmlite import binding
else:
    binding = lazy("llvmlite.binding")

#: The parts of the library that decide what machine code does.
_SOURCES: Final = ("compiler", "control", "core", "primitives", "transforms", "types")
#: Lines about a processor that differ from core to core, or from time to time.
_VOLATILE: Final = frozenset(
    {"processor", "core id", "apicid", "initial apicid", "cpu MHz", "bogomips", "BogoMIPS"}
)


@cache
def circumstances() -> bytes | None:
    """Return a hash of the machine and of all that makes code; None if it cannot be told."""
    try:
        root = path.dirname(path.dirname(__file__))
        sources = [line for name in _SOURCES for line in _files(path.join(root, name))]
        parts = [sys.version, np.__version__, _llvm(), _processor(), *sorted(sources)]
    except OSError:  # a library is in an archive
        return None
    return hashlib.sha256("\n".join(parts).encode()).digest()


def _files(folder: str) -> Iterator[str]:
    """Yield a line for each source file in a folder: its size, and when it was written."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir():
                yield from _files(entry.path)
            elif entry.name.endswith(".py"):
                yield _line(entry)


def _line(file: os.DirEntry[str]) -> str:
    status = file.stat()
    return f"{file.path} {status.st_size} {status.st_mtime_ns}"


def _llvm() -> str:
    """Return what tells one LLVM from another, without loading it."""
    spec = find_spec("llvmlite")
    assert spec is not None, "it is a dependency"
    assert spec.origin is not None, "it is no namespace"
    with os.scandir(path.join(path.dirname(spec.origin), "binding")) as found:
        return "\n".join(sorted([_line(file) for file in found if "llvmlite." in file.name]))


def _processor() -> str:
    """Return what the processor is, without LLVM where the system says it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first, _, _ = file.read().partition("\n\n")
    except OSError:
        features: str = binding.get_host_cpu_features().flatten()
        return f"{binding.get_process_triple()} {binding.get_host_cpu_name()} {features}"
    lines = [line for line in first.split("\n") if line.partition("\t")[0] not in _VOLATILE]
    return "\n".join(lines)
