"""Work that threads share: the same bits for any number of threads, from any number of callers."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.compiler import pool, threads
from pullback.compiler.executable import Executable, compile_program
from pullback.compiler.kinds import Kind
from pullback.primitives.quantity import Value

POSIX: Final = sys.platform in {"linux", "darwin"}


def work(x: Value, w: Value) -> object:
    """Maps and products, large enough to be shared, and what is not."""
    h = pb.tanh(x @ w)
    back = pb.matrix_transpose(x) @ (h * (1 - h * h))
    return h, back, pb.exp(pb.sin(x)) + x[:, :1], pb.sum(h)


def arguments(scale: float = 1.0) -> tuple[Value, Value]:
    r = np.random.default_rng(0)
    return r.standard_normal((300, 411)) * scale, r.standard_normal((411, 257)) / 20


def compiled() -> Executable:
    return compile_program(pb.trace(work, *arguments()))


def cut(executable: Executable) -> dict[Kind, int]:
    plan = executable.plan
    return {kernel.kind: threads.parts(plan, kernel) for kernel in plan.kernels}


def test_large_maps_and_products_are_cut_and_small_ones_are_not() -> None:
    found = cut(compiled())
    assert found[Kind.PRODUCT] > 1
    assert found[Kind.MAP] > 1
    x, w = arguments()
    small = compile_program(pb.trace(work, x[:5], w))
    assert set(cut(small).values()) == {1}
    assert threads.calls_threads(compiled().plan)
    assert not threads.calls_threads(small.plan)


def test_shared_work_agrees_with_numpy() -> None:
    values = arguments()
    program = pb.trace(work, *values)
    executable = compile_program(program)
    for _ in range(3):
        for found, expected in zip(executable.run(values), program.evaluate(values), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


PROCESS: Final = """
import hashlib
from tests.compiler.test_threads import arguments, compiled
executable = compiled()
digest = hashlib.sha256()
for _ in range(5):
    for value in executable.run(arguments()):
        digest.update(value.tobytes())
print(digest.hexdigest())
"""


def output(code: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    digests = {output(PROCESS, PULLBACK_THREADS=count) for count in ("1", "2", "5")}
    assert len(digests) == 1


def test_many_callers_at_once_get_their_own_results() -> None:
    executable = compiled()
    points = [arguments(1 + k / 7) for k in range(6)]
    expected = [executable.run(point) for point in points]
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(executable.run, points * 8))
    for k, results in enumerate(found):
        for a, b in zip(results, expected[k % 6], strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_call_from_a_thread_that_ends_does_no_harm() -> None:
    executable = compiled()
    expected = executable.run(arguments())
    for _ in range(5):
        with ThreadPoolExecutor(1) as caller:
            found = caller.submit(executable.run, arguments()).result()
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


FORK: Final = """
import os, warnings
import numpy as np
from tests.compiler.test_threads import arguments, compiled
executable = compiled()
expected = executable.run(arguments())
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork in a process with threads
child = os.fork()
found = executable.run(arguments())
same = all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
if child == 0:
    os._exit(0 if same else 1)
print(same, os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_of_a_fork_computes_alone() -> None:
    assert output(FORK, PULLBACK_THREADS="3").split() == ["True", "0"]


LISTED: Final = """
import threading
from tests.compiler.test_threads import arguments, compiled
compiled().run(arguments())
print(sorted(t.name for t in threading.enumerate() if t.name.startswith("pullback")))
"""


@pytest.mark.skipif(not POSIX, reason="there are no POSIX threads")
def test_the_environment_says_how_many_threads_there_are() -> None:
    assert output(LISTED, PULLBACK_THREADS="1").strip() == "[]"
    assert output(LISTED, PULLBACK_THREADS="3").strip() == "['pullback-0', 'pullback-1']"


@pytest.mark.parametrize("text", ["", "0", "-2", "many", "1.5"])
def test_a_number_of_threads_that_is_none_is_that_of_cores(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_THREADS", text)
    assert 1 <= pool.threads() <= (os.cpu_count() or 1)


def test_importing_starts_no_thread() -> None:
    code = (
        "import threading, pullback, pullback.compiler.executable; print(threading.active_count())"
    )
    assert output(code).strip() == "1"
