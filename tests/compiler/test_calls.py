"""Calls of native code without detours, and what the compiler leaves in memory."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.cache import Executables, compiled
from tests.lambdas import of

X: Final = np.linspace(-1.0, 1.0, 6)


def test_direct_calls_take_what_native_code_reads_and_nothing_else() -> None:
    direct = compiled(pb.trace(of(lambda x: (2.0 * x, pb.sum(x))), X)).direct()
    assert direct is not None
    copy = pickle.loads(pickle.dumps(X))  # noqa: S301 - our own bytes
    for x in (X, copy):
        found = direct([x])
        assert found is not None
        np.testing.assert_array_equal(found[0], 2 * X)
        assert type(found[1]) is np.float64
    for values in (
        [X[:5]],
        [X.reshape(2, 3)],
        [X[::-1]],
        [X.astype(">f8")],
        [X.astype(np.float32)],
        [X.astype(np.int64)],
        [X.view(np.uint64)],
        [np.float64(1)],
        [pb.asarray(X)],
        ["text"],
        [],
        [X, X],
    ):
        assert direct(values) is None


def test_dtypes_that_were_copied_are_read_without_a_detour() -> None:
    copy = pickle.loads(pickle.dumps(X))  # noqa: S301 - our own bytes
    assert copy.dtype is not X.dtype, "otherwise there is nothing to test"
    direct = compiled(pb.trace(of(lambda x: x + 1.0), X)).direct()
    assert direct is not None
    assert direct([copy]) is not None


def test_results_have_numpys_own_dtypes_also_from_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PULLBACK_CACHE", raising=False)
    program = pb.trace(lambda x: (x * 3.25, x > 0.125, x.astype(np.float32)), X)
    program = pickle.loads(pickle.dumps(program))  # noqa: S301 - our own bytes
    from_folder = []
    for _ in range(2):
        executable = Executables(4).of(program)
        from_folder.append("read" in executable.times)
        dtypes = [out.dtype for out in executable.run([X])]
        assert all(dtype is np.dtype(dtype.type) for dtype in dtypes)
    assert from_folder == [False, True]
