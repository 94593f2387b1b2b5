"""From IR to machine code: passes, object code, and its address in this process."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Final, final

from attrs import frozen
from llvmlite import binding

_LEVEL: Final = 2

#: A compiled run: takes the table of pointers, returns 0 or the failure of a host call.
Run = Callable[[int], int]


def machine() -> binding.TargetMachine:
    """Return this machine; an engine takes its own."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=_LEVEL,
        jit=True,
    )


@final
@frozen
class Linked:
    """Machine code that can be called; it lives as long as the engine does."""

    engine: binding.ExecutionEngine
    call: Run


def optimise(text: str, times: dict[str, float]) -> binding.ModuleRef:
    """Return a module after LLVM's passes, from its text."""
    target = machine()
    start = time.perf_counter()
    parsed = binding.parse_assembly(text)
    times["parse"] = time.perf_counter() - start
    options = binding.create_pipeline_tuning_options(speed_level=_LEVEL)
    options.loop_vectorization = options.loop_interleaving = True
    options.loop_unrolling = options.slp_vectorization = False
    passes = binding.create_pass_builder(target, options)
    start = time.perf_counter()
    passes.getModulePassManager().run(parsed, passes)
    times["optimise"] = time.perf_counter() - start
    return parsed


def object_code(module: binding.ModuleRef, times: dict[str, float]) -> bytes:
    """Return the machine code of a module, to be loaded here or in another process."""
    start = time.perf_counter()
    code = machine().emit_object(module)
    times["generate"] = time.perf_counter() - start
    return code


def load(code: bytes, times: dict[str, float]) -> Linked:
    """Load machine code; what it calls must have been given its names."""
    start = time.perf_counter()
    target = machine()
    empty = binding.parse_assembly(f'target triple = "{target.triple}"')
    engine = binding.create_mcjit_compiler(empty, target)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address("run")
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(address)
    times["load"] = time.perf_counter() - start
    return Linked(engine, function)


def assembly(text: str) -> str:
    """Return the assembly of a module that LLVM's passes have seen."""
    return machine().emit_assembly(binding.parse_assembly(text))
