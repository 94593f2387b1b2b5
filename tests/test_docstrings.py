"""The documentation is complete, and its examples run.

Every public function and class says what it does, takes and returns. Every example runs: those in
the docstrings of any module, public or not, and those of the Markdown pages (blocks marked
``pycon``).
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import io
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import pullback

ROOT: Final = Path(__file__).resolve().parent.parent
PUBLIC_MODULES: Final = (
    "pullback",
    "pullback.fft",
    "pullback.linalg",
    "pullback.nn",
    "pullback.optim",
    "pullback.random",
    "pullback.special",
    "pullback.testing",
    "pullback.tree",
)
FLAGS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def load(name: str) -> ModuleType:
    """Import a module by its name."""
    return importlib.import_module(name)  # noqa: TID251 - the name is data here


def public_objects() -> Iterator[tuple[str, object]]:
    """Yield each function and class that pullback defines and offers, with its public name."""
    for module_name in PUBLIC_MODULES:
        if importlib.util.find_spec(module_name) is None:
            continue
        module = load(module_name)
        for name in sorted(module.__all__):
            value: object = getattr(module, name)
            ours = getattr(value, "__module__", "").startswith("pullback")
            if ours and callable(value):
                yield f"{module_name}.{name}", value


def all_modules() -> Iterator[ModuleType]:
    """Yield the package and every module in it, except those that run when imported."""
    yield pullback
    for found in pkgutil.walk_packages(pullback.__path__, "pullback."):
        if not found.name.endswith("__main__"):
            yield load(found.name)


def docstring_examples() -> Iterator[doctest.DocTest]:
    """Yield the examples of every docstring, each under its object's full name."""
    finder = doctest.DocTestFinder()
    for module in all_modules():
        yield from (test for test in finder.find(module) if test.examples)


def page_session(text: str) -> str:
    """Return a page with all but its ``pycon`` blocks blanked, so that line numbers stay."""
    lines, inside = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        lines.append(line if inside and not fence else "")
        if fence:
            inside = line == "```pycon"
    return "\n".join(lines)


def page_examples() -> Iterator[doctest.DocTest]:
    """Yield the examples of each Markdown page that has some, as one session to a page."""
    parser = doctest.DocTestParser()
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        session = page_session(path.read_text(encoding="utf-8"))
        name = str(path.relative_to(ROOT))
        test = parser.get_doctest(session, {}, name, str(path), 0)
        if test.examples:
            yield test


def sections(doc: str) -> set[str]:
    """Return the names of a docstring's sections."""
    return set(re.findall(r"^(\w+):$", doc, flags=re.MULTILINE))


def documented_parameters(doc: str) -> list[str]:
    """Return the names that a docstring's section ``Args`` describes, in order."""
    match = re.search(r"^Args:\n((?: +.*\n|\n)*)", doc + "\n", flags=re.MULTILINE)
    return re.findall(r"^    \*{0,2}(\w+)[^:\n]*:", match[1], flags=re.MULTILINE) if match else []


def is_record(value: object) -> bool:
    """Whether the value is a class that users make instances of, other than an exception."""
    return (
        inspect.isclass(value)
        and not issubclass(value, (BaseException, Enum))
        and not inspect.isabstract(value)
        and not getattr(value, "_is_protocol", False)
    )


PUBLIC: Final = dict(public_objects())
EXAMPLES: Final = {test.name: test for test in (*docstring_examples(), *page_examples())}
FUNCTIONS: Final = {name: value for name, value in PUBLIC.items() if not inspect.isclass(value)}
SHOWN: Final = FUNCTIONS | {name: value for name, value in PUBLIC.items() if is_record(value)}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_has_a_first_line_that_ends_with_a_period(name: str) -> None:
    first_line = (inspect.getdoc(PUBLIC[name]) or "").partition("\n")[0]
    assert first_line.endswith("."), f"{name}: the first line is {first_line!r}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_function_describes_exactly_its_parameters(name: str) -> None:
    function = FUNCTIONS[name]
    assert callable(function)
    doc = inspect.getdoc(function) or ""
    assert documented_parameters(doc) == list(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_function_says_what_it_returns(name: str) -> None:
    function = FUNCTIONS[name]
    assert callable(function)
    if inspect.signature(function).return_annotation not in (None, "None"):
        assert sections(inspect.getdoc(function) or "") & {"Returns", "Yields"}


@pytest.mark.parametrize("name", SHOWN)
def test_public_function_or_class_has_an_example_that_runs(name: str) -> None:
    value = SHOWN[name]
    full_name = f"{value.__module__}.{getattr(value, '__qualname__', name)}"
    assert "Example" in sections(inspect.getdoc(value) or "")
    assert full_name in EXAMPLES, "no example was found in the module that defines the object"


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_gives_what_it_shows(name: str) -> None:
    report = io.StringIO()
    results = doctest.DocTestRunner(optionflags=FLAGS).run(EXAMPLES[name], out=report.write)
    if results.failed:
        pytest.fail(report.getvalue(), pytrace=False)
