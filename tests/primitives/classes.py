"""Every class of primitives, for the tests that must leave none out."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import attrs

import pullback.primitives
from pullback.primitives.elementwise import Elementwise, Unary
from pullback.primitives.primitive import Primitive


def concrete_primitives() -> list[type[Primitive]]:
    """Return every class of primitives that has instances."""
    folder = pullback.primitives
    names = [f"{folder.__name__}.{module.name}" for module in pkgutil.iter_modules(folder.__path__)]
    modules = [importlib.import_module(name) for name in names]  # noqa: TID251 - data
    classes = {c for module in modules for c in vars(module).values() if isinstance(c, type)}
    found = [c for c in classes if issubclass(c, Primitive) and not inspect.isabstract(c)]
    return sorted(found, key=lambda primitive: primitive.__name__)


def pointwise_primitives() -> list[Elementwise]:
    """Return an instance of each elementwise primitive that needs no parameters."""
    found = [c for c in concrete_primitives() if issubclass(c, Elementwise)]
    return [c() for c in found if all(f.default is not attrs.NOTHING for f in attrs.fields(c))]


def operand_count(primitive: Elementwise) -> int:
    """Return how many operands an elementwise primitive takes."""
    if isinstance(primitive, Unary):
        return 1
    return primitive.ufunc.nin if hasattr(primitive, "ufunc") else 2
