"""From IR to machine code: passes, object code, and its address in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, final

from attrs import frozen
from llvmlite import binding

_LEVEL: Final = 2


def machine(level: int = _LEVEL) -> binding.TargetMachine:
    """Return this machine, with the level of its code generation; an engine takes its own."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=level,
        jit=True,
    )


@final
@frozen
class Linked:
    """Machine code that can be called; it lives as long as the engine does."""

    _engine: binding.ExecutionEngine

    def address(self, name: str) -> int:
        """Return the address of a function."""
        return self._engine.get_function_address(name)


def optimise(text: str, loops: str, times: dict[str, float]) -> binding.ModuleRef:
    """Return a module from its text, with loops that LLVM's passes have seen, if there are any."""
    start = time.perf_counter()
    parsed = binding.parse_assembly(text)
    times["parse"] = time.perf_counter() - start
    if not loops:
        return parsed
    target, inner = machine(), binding.parse_assembly(loops)
    options = binding.create_pipeline_tuning_options(speed_level=_LEVEL)
    options.loop_vectorization = options.loop_interleaving = True
    options.loop_unrolling = options.slp_vectorization = False
    passes = binding.create_pass_builder(target, options)
    start = time.perf_counter()
    passes.getModulePassManager().run(inner, passes)
    parsed.link_in(inner)
    times["optimise"] = time.perf_counter() - start
    return parsed


def object_code(
    module: binding.ModuleRef, times: dict[str, float], *, quick: bool = False
) -> bytes:
    """Return the machine code of a module, to be loaded here or in another process."""
    start = time.perf_counter()
    code = machine(0 if quick else _LEVEL).emit_object(module)
    times["generate"] = time.perf_counter() - start
    return code


def load(code: bytes, symbols: Mapping[str, int]) -> Linked:
    """Load machine code, given the addresses of what it calls."""
    for name, address in symbols.items():
        binding.add_symbol(name, address)
    target = machine()
    empty = binding.parse_assembly(f'target triple = "{target.triple}"')
    engine = binding.create_mcjit_compiler(empty, target)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Linked(engine)


def assembly(text: str) -> str:
    """Return the assembly of a module that LLVM's passes have seen."""
    return machine().emit_assembly(binding.parse_assembly(text))
