"""Nothing goes untested: each primitive and each public function is named in a test of its kind."""

from __future__ import annotations

import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import pullback as pb
from pullback import primitives
from pullback.primitives.primitive import Primitive

TESTS = Path(__file__).parent


def concrete_primitives() -> list[str]:
    found = set()
    for module_info in pkgutil.iter_modules(primitives.__path__):
        module = pkgutil.resolve_name(f"{primitives.__name__}.{module_info.name}")
        for name, value in vars(module).items():
            own = inspect.isclass(value) and value.__module__ == module.__name__
            if own and issubclass(value, Primitive) and not inspect.isabstract(value):
                found.add(name)
    return sorted(found)


def text_of(folders: list[str]) -> str:
    files = [file for folder in folders for file in sorted((TESTS / folder).rglob("*.py"))]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


PRIMITIVE_TESTS = text_of(["primitives", "core", "transforms"])
API_TESTS = text_of(["api", "core", "transforms", "nn", "random", "optim"])
BY_OPERATOR = {"getitem"}  # x[key] is how the tests call it
FUNCTIONS = sorted(
    name for name in pb.__all__ if inspect.isfunction(getattr(pb, name)) and name not in BY_OPERATOR
)


def test_there_are_primitives_and_functions() -> None:
    assert len(concrete_primitives()) > 90
    assert len(FUNCTIONS) > 150


@pytest.mark.parametrize("name", concrete_primitives())
def test_primitive_stands_in_the_tests_of_primitives(name: str) -> None:
    assert re.search(rf"\b{name}\b", PRIMITIVE_TESTS), f"no test of primitives names {name}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_function_stands_in_the_tests_of_the_namespace(name: str) -> None:
    called = rf"(?:\bpb\.|\bapi\.|\bnamespace\.|\bnp\.|[\"'])(?:{name})\b|import[^#]*\b{name}\b"
    assert re.search(called, API_TESTS), f"no test of the namespace calls {name}"


def test_public_names_are_not_hidden_by_modules_of_the_same_name() -> None:
    # A module becomes an attribute of its package when it is imported.
    modules = {"nn", "optim", "random", "special", "testing", "tree"}
    for module in pkgutil.walk_packages(pb.__path__, "pullback."):
        if module.name != "pullback.__main__":
            pkgutil.resolve_name(module.name)
    hidden = {name for name in pb.__all__ if inspect.ismodule(getattr(pb, name))}
    assert hidden == modules
