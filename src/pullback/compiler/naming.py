"""What makes machine code of one machine and one LLVM none for another."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pullback.lazy import lazy

if TYPE_CHECKING:
    from llvmlite import binding
else:
    binding = lazy("llvmlite.binding")

#: Lines of `/proc/cpuinfo` that differ from core to core, or from time to time.
_VOLATILE: Final = frozenset(
    {"processor", "core id", "apicid", "initial apicid", "cpu MHz", "bogomips", "BogoMIPS"}
)


@cache
def machine_name() -> str:
    """Return the platform, the processor with its features, and which llvmlite there is.

    Raises:
        OSError: llvmlite is in an archive.
    """
    spec = find_spec("llvmlite")
    assert spec is not None, "it is a dependency"
    assert spec.origin is not None, "it is no namespace"
    folder = Path(spec.origin).parent / "binding"
    files = [file.stat() for file in (folder, *folder.glob("*llvmlite.*"))]
    stamps = [f"{file.st_size} {file.st_mtime_ns}" for file in files]
    return " ".join([sys.platform, platform.machine(), _processor(), str(folder), *stamps])


def _processor() -> str:
    """Return what the processor is, without LLVM where the system says it."""
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text("ascii").partition("\n\n")
    except (OSError, UnicodeDecodeError):
        features: str = binding.get_host_cpu_features().flatten()
        return f"{binding.get_host_cpu_name()} {features}"
    lines = [line for line in first.split("\n") if line.partition("\t")[0] not in _VOLATILE]
    return "\n".join(lines)
