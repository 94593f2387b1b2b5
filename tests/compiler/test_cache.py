from __future__ import annotations

import math
import multiprocessing
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from attrs import evolve, frozen

import pullback as pb
from pullback.compiler import cache
from pullback.compiler.cache import Executables, compiled
from pullback.compiler.content import content
from pullback.compiler.executable import Executable
from pullback.compiler.store import Store, standard_store
from pullback.core.program import Program
from pullback.primitives.quantity import Value
from tests.lambdas import of

KEY: Final = bytes(range(32))
OTHER: Final = bytes(range(1, 33))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "cache"
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(found))
    monkeypatch.delenv("PULLBACK_CACHE", raising=False)
    return found


def traced(scale: Value = 2.0) -> Program:
    return pb.trace(lambda x: pb.sum(pb.sin(x) * scale), np.ones(3))


# --------------------------------------------------------------------------------------- contents


def test_what_was_traced_again_has_the_same_content() -> None:
    assert content(traced()) == content(traced())
    assert content(pb.trace(of(lambda u: u + 1), 1.0)) == content(
        pb.trace(of(lambda v: v + 1), 2.0)
    )
    assert hash(content(traced())) == hash(content(traced()))


NAN: Final = np.array(0x7FF8000000000001, np.uint64).view(np.float64)

DIFFERENT: Final[list[Value]] = [
    2.0,
    2,
    True,
    1.0,
    1,
    0.0,
    -0.0,
    2 + 0j,
    complex(0.0, -0.0),
    math.nan,
    NAN[()],
    float(NAN),
    2**70,
    np.float64(2),
    np.float32(2),
    np.int64(2),
    np.zeros(3),
    -np.zeros(3),
    np.zeros(3, np.float32),
    np.zeros((1, 3)),
    np.array([math.nan] * 3),
    np.array([NAN] * 3),
    np.zeros((50, 3)),
    -np.zeros((50, 3)),
]


def test_other_constants_are_another_content() -> None:
    digests = [content(traced(scale)).digest for scale in DIFFERENT]
    assert len(set(digests)) == len(DIFFERENT)


FUNCTIONS: Final[list[Callable[[Value], object]]] = [
    pb.sum,
    lambda x: pb.sum(x, axis=0),
    lambda x: pb.sum(x, axis=1),
    lambda x: pb.sum(x, axis=1, keepdims=True),
    lambda x: pb.max(x, axis=1),
    lambda x: x[1:],
    lambda x: x[:1],
    lambda x: x[::-1],
    lambda x: (x, x + 1),
    lambda x: (x + 1, x),
    lambda x: x - x.T,
    lambda x: x.T - x,
    lambda x: pb.scan(lambda c, y: (c + y, c), x[0], x),
    lambda x: pb.scan(lambda c, y: (c - y, c), x[0], x),
    lambda x: pb.scan(lambda c, y: (c - y, c), x[0], x, reverse=True),
    lambda x: pb.cond(x[0, 0] > 0, lambda: x, lambda: -x),
    lambda x: pb.cond(x[0, 0] > 0, lambda: -x, lambda: x),
    lambda x: pb.astype(x, np.float32),
    lambda x: pb.astype(x, np.int32),
    lambda x: pb.sort(x, axis=0),
    lambda x: pb.sort(x, axis=0, descending=True),
]


def test_other_steps_are_another_content() -> None:
    programs = [pb.trace(f, np.eye(3)) for f in FUNCTIONS]
    assert len({content(program).digest for program in programs}) == len(programs)
    for program in programs:
        assert not content(program).objects


@pytest.mark.parametrize("argument", [np.eye(4), np.eye(3, dtype=np.float32), np.eye(3)[0], 1.0, 1])
def test_other_types_are_another_content(argument: Value) -> None:
    whole = content(pb.trace(of(lambda x: x + 1), np.eye(3)))
    assert content(pb.trace(of(lambda x: x + 1), argument)) != whole


def callback(f: Callable[[Value], Value]) -> Program:
    x = np.ones(3)
    return pb.trace(lambda x: pb.sin(pb.pure_callback(f, x, x)) + 1, x)


def test_foreign_functions_stand_beside_the_digest() -> None:
    def double(x: Value) -> Value:
        return x * 2

    def triple(x: Value) -> Value:
        return x * 3

    first, second, third = (content(callback(f)) for f in (double, triple, double))
    assert first.digest == second.digest
    assert first != second
    assert first == third
    assert compiled(callback(double)).run([np.zeros(3)])[0][0] == 1
    assert compiled(callback(triple)).run([np.ones(3)])[0][0] == math.sin(3) + 1


def test_programs_that_call_foreign_functions_share_code(folder: Path) -> None:
    for factor in (2.0, 3.0):
        program = callback(lambda x: x * factor)  # noqa: B023 - it is called here
        executable = Executables(10).of(program)
        assert ("generate" in executable.times) == (factor == 2.0)
        np.testing.assert_allclose(executable.run([np.ones(3)])[0], np.sin(factor) + 1)
    assert len(list(folder.iterdir())) == 1


def test_programs_that_call_equal_functions_do_not_share_code_with_others(folder: Path) -> None:
    @frozen
    class Scale:
        factor: float

        def __call__(self, x: Value) -> Value:
            return x * self.factor

    def twice(first: Scale, second: Scale) -> Program:
        x = np.ones(3)
        return pb.trace(lambda x: pb.pure_callback(first, x, x) - pb.pure_callback(second, x, x), x)

    for factor in (2.0, 3.0):  # equal calls are one
        executable = Executables(10).of(twice(Scale(2.0), Scale(factor)))
        np.testing.assert_array_equal(executable.run([np.ones(3)])[0], 2.0 - factor)
    assert len(list(folder.iterdir())) == 2


def test_functions_with_rules_of_their_own_are_known_by_what_they_do(folder: Path) -> None:
    for factor in (2.0, 2.0, 3.0):
        f = pb.custom_vjp(lambda x: x * factor, lambda x: (x * factor, None), lambda _, bar: bar)  # noqa: B023
        executable = Executables(10).of(pb.trace(f, np.ones(3)))
        np.testing.assert_array_equal(executable.run([np.ones(3)])[0], factor)
    assert len(list(folder.iterdir())) == 2


PRINTS: Final = """
import numpy as np
import pullback as pb
from pullback.compiler.content import content

def f(x, y):
    last, ys = pb.scan(lambda c, y: (c * pb.sin(y), pb.sum(x[1:] @ x[:, :2])), y, x[0])
    chosen = pb.cond(y > 0, lambda: x, lambda: 2 * x)
    return pb.grad(lambda x: pb.sum(pb.nn.softmax(x * y)))(x), ys, chosen

print(content(pb.trace(f, np.eye(3), 2.0)).digest.hex())
"""


def test_content_is_the_same_in_every_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PRINTS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(outputs) == 1
    assert list(map(len, outputs.pop().split())) == [64]


# ------------------------------------------------------------------------------------ in a process


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Program]:
    """Programs as they are compiled, here without any machine code."""
    made: list[Program] = []

    def compile_(program: Program, _: object) -> Executable:
        made.append(program)
        return object.__new__(Executable)

    monkeypatch.setattr(cache, "_compile", compile_)
    return made


def test_equal_programs_share_an_executable(compilations: list[Program]) -> None:
    executables = Executables(10)
    assert executables.of(traced()) is executables.of(traced())
    assert executables.of(traced(3.0)) is not executables.of(traced())
    assert len(compilations) == 2


def test_numbers_that_are_equal_in_python_are_told_apart(compilations: list[Program]) -> None:
    executables = Executables(10)
    for scale in (0.0, -0.0, 0, False):
        executables.of(traced(scale))
    assert len(compilations) == 4


def test_the_ones_asked_for_last_are_kept(compilations: list[Program]) -> None:
    executables = Executables(2)
    first, second, third = map(traced, (1.0, 2.0, 3.0))
    for program in (first, second, first, third, first, third, second):
        executables.of(program)
    assert [program.constants for program in compilations] == [(1.0,), (2.0,), (3.0,), (2.0,)]


def test_large_constants_are_held_up_to_a_limit(compilations: list[Program]) -> None:
    executables = Executables(10, held=3000)
    arrays = [np.arange(200.0) + k for k in range(3)]
    programs = [pb.trace(partial(np.multiply, array), np.ones(200)) for array in arrays]
    for k in (0, 1, 0, 2, 1):
        executables.of(programs[k])
    assert len(compilations) == 5, "of 1600 bytes each there is room for one"
    executables.of(programs[1])
    assert len(compilations) == 5


def test_many_threads_compile_a_program_once(monkeypatch: pytest.MonkeyPatch) -> None:
    count, started, go = 0, threading.Event(), threading.Event()

    def slow(program: Program, _: object) -> Executable:
        nonlocal count
        if program.constants[0] == 1.0:
            count += 1
            started.set()
            assert go.wait(30)
        return object.__new__(Executable)

    monkeypatch.setattr(cache, "_compile", slow)
    executables = Executables(10)
    with ThreadPoolExecutor(9) as pool:
        futures = [pool.submit(executables.of, traced(1.0)) for _ in range(8)]
        assert started.wait(30)
        other = pool.submit(executables.of, traced(2.0))  # waits for none of them
        assert isinstance(other.result(30), Executable)
        assert not any(future.done() for future in futures)
        go.set()
        assert len({id(future.result(30)) for future in futures}) == 1
    assert count == 1


def test_a_compilation_that_fails_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    count, entered, go = 0, threading.Event(), threading.Event()

    def fail_once(_program: Program, _what: object) -> Executable:
        nonlocal count
        count += 1
        if count == 1:
            entered.set()
            assert go.wait(30)
            raise KeyboardInterrupt
        return object.__new__(Executable)

    monkeypatch.setattr(cache, "_compile", fail_once)
    executables = Executables(10)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(executables.of, traced())
        assert entered.wait(30)
        others = [pool.submit(executables.of, traced()) for _ in range(3)]
        go.set()
        with pytest.raises(KeyboardInterrupt):
            first.result(30)
        assert len({id(future.result(30)) for future in others}) == 1
    assert count == 2


# --------------------------------------------------------------------------------------- on disk


def test_machine_code_is_found_again(folder: Path) -> None:
    program, x = traced(), np.ones(3)
    first = Executables(10).of(program)
    (entry,) = folder.iterdir()
    second = Executables(10).of(program)
    assert "generate" in first.times
    assert "generate" not in second.times
    assert first.run([x]) == second.run([x])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert entry.stat().st_size < len(first.native.object_code) + 2000


DAMAGES: Final[list[Callable[[bytes], bytes]]] = [
    lambda data: data[:0],
    lambda data: data[:20],
    lambda data: data[:-1],
    lambda data: data + b"\0",
    lambda data: bytes([data[0] ^ 1]) + data[1:],
    lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
    lambda data: np.random.default_rng(0).bytes(len(data)),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_entries_are_made_again(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    Executables(10).of(traced())
    (entry,) = folder.iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    again = Executables(10).of(traced())
    assert "generate" in again.times
    assert "generate" not in Executables(10).of(traced()).times
    np.testing.assert_allclose(again.run([np.ones(3)])[0], 6 * np.sin(1.0), rtol=1e-15)


def assert_found_again(f: Callable[..., object], *values: Value) -> None:
    """Check that what comes from the store does what was compiled, bit for bit."""
    program = pb.trace(f, *values)
    first, second = (Executables(10).of(program) for _ in range(2))
    assert "generate" in first.times
    assert "generate" not in second.times
    for a, b in zip(first.run(values), second.run(values), strict=True):
        assert type(a) is type(b)
        np.testing.assert_array_equal(a, b)


LARGE: Final = np.random.default_rng(0).normal(size=(300, 300))

FOUND_AGAIN: Final[dict[str, tuple[Callable[..., object], tuple[Value, ...]]]] = {
    "inputs and constants as results": (lambda x, y: (x, LARGE, 2.0, y, LARGE), (LARGE[0], 3)),
    "a result twice": (lambda x: (x + 1, x + 1, pb.sort(x), pb.sort(x)), (LARGE,)),
    "Python numbers": (lambda x, n: (x * 2, n * n, x > 1), (2.0, 3)),
    "constants for native code": (lambda x: pb.sin(x) @ LARGE + LARGE.T, (LARGE,)),
    "NumPy between kernels": (lambda x: pb.sin(pb.sort(x + 1) @ pb.flip(LARGE, axis=0)), (LARGE,)),
    "NumPy on constants": (lambda x: pb.searchsorted(LARGE[0], x) + pb.sort(2 * x), (LARGE[0],)),
    "NumPy in a loop": (
        lambda x: pb.scan(lambda c, y: (pb.sort(c + y) + LARGE[0], pb.sum(c)), x[0], x[:5]),
        (LARGE,),
    ),
    "complex numbers": (lambda x: (pb.exp(1j * x), x * (2 - 1j)), (LARGE[0],)),
    "a loop of complex numbers": (
        lambda x: pb.scan(lambda c, y: (c * 1j + y, c), x[0] + 0j, x[:5]),
        (LARGE,),
    ),
    "threads": (lambda x: pb.exp(x @ x) + 1, (LARGE,)),
    "a callback": (lambda x: pb.sin(pb.pure_callback(np.cos, x, x)), (LARGE,)),
    "a callback in a loop": (
        lambda x: pb.scan(lambda c, y: (pb.pure_callback(np.cos, c, c) + y, None), x[0], x[:3])[0],
        (LARGE,),
    ),
}


@pytest.mark.parametrize("name", FOUND_AGAIN)
@pytest.mark.usefixtures("folder")
def test_what_is_found_again_does_the_same(name: str) -> None:
    f, values = FOUND_AGAIN[name]
    assert_found_again(f, *values)


def test_a_large_constant_is_not_written(folder: Path) -> None:
    assert_found_again(lambda x: (x @ LARGE, LARGE), LARGE[0])
    (entry,) = folder.iterdir()
    assert entry.stat().st_size < LARGE.nbytes / 10


@pytest.mark.usefixtures("folder")
def test_a_function_is_never_found_in_place_of_another() -> None:
    for function in (np.sin, np.cos):  # a pickle would name them
        for loop in (False, True):

            def f(x: Value, function: Callable[[Value], Value] = function) -> object:
                return pb.pure_callback(function, x, x) + 1

            def again(x: Value) -> object:
                return pb.scan(lambda c, _: (f(c), None), x, None, length=2)[0]

            x = np.ones(3)
            once, twice = function(x) + 1, function(function(x) + 1) + 1
            (found,) = Executables(10).of(pb.trace(again if loop else f, x)).run([x])
            np.testing.assert_allclose(found, twice if loop else once, rtol=1e-15)


@pytest.mark.usefixtures("folder")
def test_primitives_are_found_again_whether_or_not_equal_ones_are_one_object() -> None:
    def add(x: Value) -> Value:
        return x + 1

    def double(x: Value) -> Value:
        return x * 2

    def f(x: Value) -> object:
        for function in (add, add, double):
            x = pb.pure_callback(function, x, x)
        return x

    x = np.ones(3)
    apart = pb.trace(f, x)
    first = next(primitive for primitive, _ in apart.steps if primitive.__match_args__)
    steps = tuple([(first if p == first else p, row) for p, row in apart.steps])
    one = evolve(apart, steps=steps)
    assert len({id(p) for p, _ in one.steps}) < len({id(p) for p, _ in apart.steps})
    assert content(one) == content(apart)
    for program in (one, apart, one):
        np.testing.assert_array_equal(Executables(10).of(program).run([x])[0], [6.0] * 3)


@pytest.mark.usefixtures("folder")
def test_results_lie_in_donated_memory_again() -> None:
    for _ in range(2):
        executable = Executables(10).of(pb.trace(of(lambda x: x + 1), LARGE))
        x = LARGE.copy()
        assert executable.run([x], (0,))[0] is x


@pytest.mark.usefixtures("folder")
def test_how_it_was_made_is_found_out_when_somebody_asks() -> None:
    first, second = (Executables(10).of(traced()) for _ in range(2))
    assert "generate" not in second.times
    assert [name for name, _ in second.passes] == [name for name, _ in first.passes]
    assert str(second.plan) == str(first.plan)
    assert str(second.memory) == str(first.memory)
    assert second.llvm_ir == first.llvm_ir
    assert second.optimised_llvm_ir == first.optimised_llvm_ir
    assert second.assembly == first.assembly


WARM: Final = """
import sys
import numpy as np
import pullback as pb

f = pb.jit(lambda x, y: (pb.grad(lambda x: pb.sum(pb.sin(x) * y))(x), pb.sort(x)))
print(f(np.arange(3.0), 2.0))
print(*sorted(name for name in sys.modules if "pullback.compiler" in name or "llvm" in name))
"""


@pytest.mark.usefixtures("folder")
def test_a_later_process_loads_no_compiler() -> None:
    first, second = (
        subprocess.run(
            [sys.executable, "-c", WARM], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        for _ in range(2)
    )
    assert first[0] == second[0]
    assert {"pullback.compiler.building", "pullback.compiler.llvm.emit"} <= {*first[1].split()}
    late = second[1].split()
    assert "pullback.compiler.executable" in late
    assert not {"pullback.compiler.building", "pullback.compiler.kernels"} & {*late}
    assert not any("llvm" in name for name in late)


def test_an_entry_of_another_program_is_not_believed(folder: Path) -> None:
    Executables(10).of(traced(1.0))
    (first,) = folder.iterdir()
    Executables(10).of(traced(2.0))
    (second,) = set(folder.iterdir()) - {first}
    first.replace(second)
    assert Executables(10).of(traced(2.0)).run([np.ones(3)])[0] > 5


def test_another_machine_does_not_see_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Executables(10).of(traced())
    monkeypatch.setattr(cache, "circumstances", lambda: b"another")
    assert "generate" in Executables(10).of(traced()).times
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("word", ["0", "off", "False"])
def test_it_can_be_switched_off(word: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", word)
    Executables(10).of(traced())
    assert not folder.exists()


def test_the_usual_folder_is_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PULLBACK_CACHE_DIR", "PULLBACK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = standard_store()
    assert found is not None
    assert found.folder == str(tmp_path / ".cache" / "pullback")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/whole")
    assert standard_store() == found
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert standard_store() == Store(str(tmp_path / "xdg" / "pullback"))


# ------------------------------------------------------------------------------------- the store


def test_entries_are_kept_and_replaced(tmp_path: Path) -> None:
    place = Store(str(tmp_path / "a" / "b"))
    assert place.read(KEY) is None
    place.write(KEY, b"data")
    assert place.read(KEY) == b"data"
    assert place.read(OTHER) is None
    place.write(KEY, b"")
    assert place.read(KEY) == b""
    assert len(list(Path(place.folder).iterdir())) == 1


def test_what_was_used_least_recently_makes_room(tmp_path: Path) -> None:
    place = Store(str(tmp_path / "cache"), limit=1000)
    keys = [bytes([n]) * 32 for n in range(4)]
    for age, key in enumerate(keys[:3]):
        place.write(key, bytes(250))
        os.utime(Path(place.folder) / key.hex(), (age, age))
    (Path(place.folder) / "not ours").write_bytes(bytes(5000))
    assert place.read(keys[0]) is not None  # now the most recently used
    place.write(keys[3], bytes(250))
    assert [place.read(key) is None for key in keys] == [False, True, False, False]
    place.write(keys[1], bytes(5000))
    assert place.read(keys[1]) is None
    assert (Path(place.folder) / "not ours").exists()


def test_remains_of_broken_writes_make_room_too(tmp_path: Path) -> None:
    place = Store(str(tmp_path / "cache"), limit=1000)
    place.write(KEY, bytes(10))
    remains = Path(place.folder) / f"{OTHER.hex()}.abc"
    remains.write_bytes(bytes(990))
    os.utime(remains, (1, 1))
    place.write(KEY, bytes(20))
    assert not remains.exists()
    assert place.read(KEY) == bytes(20)


def test_a_folder_open_to_others_is_refused_once(tmp_path: Path) -> None:
    place = Store(str(tmp_path / "open"))
    Path(place.folder).mkdir(mode=0o755)
    with pytest.warns(RuntimeWarning, match=r"not kept: the folder .*open.*chmod 700"):
        place.write(KEY, b"data")
    place.write(KEY, b"data")
    assert list(Path(place.folder).iterdir()) == []
    Path(place.folder).chmod(0o700)
    place.write(KEY, b"data")
    Path(place.folder).chmod(0o770)
    assert place.read(KEY) is None


def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Store(str(tmp_path / "cache"))
    place.write(KEY, b"data")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.warns(RuntimeWarning, match="other users"):
        assert place.read(KEY) is None


def test_a_folder_that_is_no_folder_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        place = Store(str(folder))
        place.write(KEY, b"data")
        assert place.read(KEY) is None


def test_a_full_disk_does_no_harm_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Store(str(tmp_path / "cache"))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        place.write(KEY, b"data")
    assert place.read(KEY) is None
    assert list(Path(place.folder).iterdir()) == []


def _write_and_read(folder: Path) -> bool:
    place = Store(str(folder), limit=20_000)
    well = True
    for turn in range(200):
        key = bytes([turn % 7]) * 32
        place.write(key, key * 100)
        well &= place.read(key) in {None, key * 100}
    return well


def test_processes_do_not_disturb_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        assert all(pool.map(_write_and_read, [tmp_path / "cache"] * 3))
    assert len(list((tmp_path / "cache").iterdir())) <= 7
