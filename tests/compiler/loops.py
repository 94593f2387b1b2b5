"""A loop over arrays around a formula, compiled as the compiler's kernels are."""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Callable
from typing import Final, final

import numpy as np
from attrs import frozen
from llvmlite import binding, ir
from numpy.typing import NDArray

from pullback.compiler.llvm.mathematics import Formula, emit

binding.initialize_all_targets()
binding.initialize_all_asmprinters()

TYPES: Final = {"f32": ir.FloatType(), "f64": ir.DoubleType()}
DTYPES: Final[dict[str, type[np.floating]]] = {"f32": np.float32, "f64": np.float64}
INDEX: Final = ir.IntType(64)
FLAG: Final = ir.IntType(1)

Floats = NDArray[np.floating]  # of either format


@final
@frozen
class Loop:
    """A compiled ``out[i] = formula(x[i], ...)``."""

    engine: binding.ExecutionEngine  #: owns the code
    function: Callable[..., bool]  #: of the number of elements, and the addresses of the arrays
    dtype: type[np.floating]
    instructions: int

    def __call__(self, *operands: Floats) -> Floats:
        return self.run(*operands)[0]

    def run(self, *operands: Floats) -> tuple[Floats, bool]:
        """Return the results, and whether a guard was met."""
        arrays = [np.ascontiguousarray(x, self.dtype) for x in operands]
        out = np.empty_like(arrays[0])
        met = self.function(out.size, *(x.ctypes.data for x in (*arrays, out)))
        return out, met


@functools.cache
def compiled(
    formula: Formula, form: str, count: int = 1, *, fused: bool = True, quick: bool = False
) -> Loop:
    """Return the loop, compiled for this machine."""
    text, instructions = source(formula, form, count, fused=fused, quick=quick)
    cpu, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    target = binding.Target.from_default_triple()
    machine = target.create_target_machine(cpu=cpu, features=features, opt=2)
    engine = binding.create_mcjit_compiler(_optimised(text, machine), machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_int64, *[ctypes.c_void_p] * (count + 1))
    return Loop(engine, kind(engine.get_function_address("loop")), DTYPES[form], instructions)


@final
@frozen
class Machine:
    """A machine that need not be this one."""

    triple: str
    cpu: str
    fused: bool = True


def assembly(formula: Formula, form: str, count: int, on: Machine, *, quick: bool) -> str:
    """Return the loop's assembly for some machine."""
    text, _ = source(formula, form, count, fused=on.fused, quick=quick)
    triple = on.triple
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=on.cpu, opt=2)
    return machine.emit_assembly(_optimised(f'target triple = "{triple}"\n{text}', machine))


def source(formula: Formula, form: str, count: int, *, fused: bool, quick: bool) -> tuple[str, int]:
    """Return the loop in LLVM's IR, and how many instructions the formula has.

    entry -> body <-> body -> end; the body's flag is whether a guard has been met so far.
    """
    element, module = TYPES[form], ir.Module()
    signature = ir.FunctionType(FLAG, [INDEX, *[ir.PointerType()] * (count + 1)])
    function = ir.Function(module, signature, "loop")
    size, *pointers = function.args
    for pointer in pointers:
        pointer.add_attribute("noalias")
    entry, body, end = (function.append_basic_block() for _ in range(3))
    builder = ir.IRBuilder(entry)
    builder.branch(body)
    builder.position_at_end(body)
    index, flag = builder.phi(INDEX), builder.phi(FLAG)
    places = [builder.gep(p, [index], source_etype=element, inbounds=True) for p in pointers]
    operands = [builder.load(place, typ=element) for place in places[:-1]]
    before, guards = len(body.instructions), list[ir.Value]()
    value = emit(builder, formula, *operands, fused=fused, guards=guards if quick else None)
    instructions = len(body.instructions) - before
    builder.store(value, places[-1])
    met: ir.Value = flag
    for guard in guards:
        met = builder.or_(met, guard)
    following = builder.add(index, ir.Constant(INDEX, 1))
    index.add_incoming(ir.Constant(INDEX, 0), entry)
    index.add_incoming(following, body)
    flag.add_incoming(ir.Constant(FLAG, 0), entry)
    flag.add_incoming(met, body)
    builder.cbranch(builder.icmp_unsigned("<", following, size), body, end)
    builder.position_at_end(end)
    builder.ret(met)
    # llvmlite writes the default triple; another machine's stands before.
    return re.sub(r"target (triple|datalayout) = .*\n", "", str(module)), instructions


def _optimised(text: str, machine: binding.TargetMachine) -> binding.ModuleRef:
    module = binding.parse_assembly(text)
    module.verify()
    options = binding.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = True
    options.loop_interleaving = options.loop_unrolling = options.slp_vectorization = False
    passes = binding.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return module
