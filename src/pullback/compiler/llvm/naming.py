"""What LLVM calls itself and this machine: machine code for the one is none for another."""

from __future__ import annotations

from functools import cache

import llvmlite
from llvmlite import binding


@cache
def machine_name() -> str:
    """Return the versions of LLVM and llvmlite, the platform, the processor and its features."""
    parts = (
        llvmlite.__version__,
        str(binding.llvm_version_info),
        binding.get_process_triple(),
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
    )
    return " ".join(parts)
