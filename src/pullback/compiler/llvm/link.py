"""From IR to machine code: passes, object code, and its address in this process."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import binding

from pullback.compiler.objects import split

_LEVEL: Final = 2


def machine(level: int = _LEVEL) -> binding.TargetMachine:
    """Return this machine, with the level of its code generation; an engine takes its own."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    cpu, features = _host()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=level, jit=True
    )


@functools.cache
def _host() -> tuple[str, str]:
    """Return the name of this machine's processor, and its features."""
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


@functools.cache
def _same_machine(level: int) -> binding.TargetMachine:
    """Return the machine that all modules share: what it makes of a processor takes milliseconds.

    llvmlite lets one thread in at a time.
    """
    return machine(level)


@final
@frozen
class Linked:
    """Machine code that can be called; it lives as long as the engine does."""

    _engine: binding.ExecutionEngine

    def address(self, name: str) -> int:
        """Return the address of a function."""
        return self._engine.get_function_address(name)


def object_files(text: str, loops: str = "", level: int = 1) -> Sequence[bytes]:
    """Return the machine code of a module, to be loaded here or in another process.

    Args:
        text: What is written as it is to be.
        loops: What LLVM's passes are for: a module apart, or nothing.
        level: That of code generation for the first. 0 is for what is long; 2 takes 10 to 15 % more
            time than 1 for the same instructions in another order.
    """
    first = [_object(_optimised(loops))] if loops else []
    return *first, _object(binding.parse_assembly(text), level)


def optimised(text: str, loops: str) -> str:
    """Return modules as one, after LLVM's passes."""
    parsed = binding.parse_assembly(text)
    if loops:
        parsed.link_in(binding.parse_assembly(str(_optimised(loops))))
    return str(parsed)


def _optimised(loops: str) -> binding.ModuleRef:
    """Return a module of loops after LLVM's passes."""
    module = binding.parse_assembly(loops)
    options = binding.create_pipeline_tuning_options(speed_level=_LEVEL)
    options.loop_vectorization = options.loop_interleaving = True
    options.loop_unrolling = options.slp_vectorization = False
    builder = binding.create_pass_builder(_same_machine(_LEVEL), options)
    builder.getModulePassManager().run(module, builder)
    return module


def _object(module: binding.ModuleRef, level: int = _LEVEL) -> bytes:
    return _same_machine(level).emit_object(module)


def load(code: bytes, symbols: Mapping[str, int]) -> Linked:
    """Load machine code, given the addresses of what it calls."""
    for name, address in symbols.items():
        binding.add_symbol(name, address)
    target = machine()
    empty = binding.parse_assembly(f'target triple = "{target.triple}"')
    engine = binding.create_mcjit_compiler(empty, target)
    for file in split(code):
        engine.add_object_file(binding.ObjectFileRef.from_data(file))
    engine.finalize_object()
    return Linked(engine)


def assembly(text: str) -> str:
    """Return the assembly of a module that LLVM's passes have seen."""
    return _same_machine(_LEVEL).emit_assembly(binding.parse_assembly(text))
