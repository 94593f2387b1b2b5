"""Functions that all programs share: compiled once, and kept in the folder of code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.compiler import building
from pullback.compiler.executable import compile_program
from pullback.compiler.library import Library
from pullback.compiler.store import FOLDER, SWITCH


@pytest.fixture
def makes() -> tuple[list[str], Callable[[], bytes]]:
    made: list[str] = []

    def make() -> bytes:
        made.append("a file")
        return b"code"

    return made, make


def test_a_file_is_made_once(makes: tuple[list[str], Callable[[], bytes]]) -> None:
    made, make = makes
    library = Library()
    assert [library.file("made once", make) for _ in range(3)] == [b"code"] * 3
    assert len(made) <= 1


def test_another_process_finds_it_in_the_folder(
    makes: tuple[list[str], Callable[[], bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, make = makes
    monkeypatch.setenv(FOLDER, str(tmp_path / "code"))
    monkeypatch.delenv(SWITCH, raising=False)
    assert Library().file("kept", make) == Library().file("kept", make) == b"code"
    assert len(made) == 1


def test_a_damaged_file_is_made_again(
    makes: tuple[list[str], Callable[[], bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, make = makes
    monkeypatch.setenv(FOLDER, str(tmp_path / "code"))
    monkeypatch.delenv(SWITCH, raising=False)
    Library().file("damaged", make)
    (entry,) = (tmp_path / "code").iterdir()
    entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    assert Library().file("damaged", make) == b"code"
    assert len(made) == 2


def test_without_a_folder_it_is_made_in_each_process(
    makes: tuple[list[str], Callable[[], bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, make = makes
    monkeypatch.setenv(SWITCH, "0")
    for _ in range(2):
        assert Library().file("not kept", make) == b"code"
    assert len(made) == 2


def test_a_failure_leaves_nothing() -> None:
    library = Library()

    def fail() -> bytes:
        message = "no code"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="no code"):
        library.file("fails", fail)
    assert library.file("fails", lambda: b"code") == b"code"


def test_products_of_other_sizes_share_their_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Watched:
        """A library that tells what it makes."""

        def file(self, name: str, make: Callable[[], bytes]) -> bytes:
            def noted() -> bytes:
                made.append(name)
                return make()

            return library.file(name, noted)

    library = Library()
    monkeypatch.setenv(SWITCH, "0")
    monkeypatch.setattr(building, "LIBRARY", Watched())
    random = np.random.default_rng(0)
    for rows, terms, columns in ((64, 48, 80), (96, 200, 160)):
        x, y = random.normal(size=(rows, terms)), random.normal(size=(terms, columns))
        program = pb.trace(lambda x, y: pb.tanh(x @ y), x, y)
        (found,) = compile_program(program).run([x, y])
        np.testing.assert_allclose(found, np.tanh(x @ y), rtol=0, atol=1e-11)
    loops = [name for name in made if name.startswith("product_double")]
    tiles = [name for name in made if name.startswith("tile_double")]
    assert (len(loops), len(tiles)) == (1, 1)
