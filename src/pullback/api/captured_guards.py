"""What is watched: each thing that was read must still be the one it was, or hold the same.

The check is on the way of every call of a compiled function.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_, itemgetter
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any, Final, TypeAlias, final  # noqa: TID251 - of any type

import numpy as np
from attrs import Factory, frozen

from pullback.api.captured_values import MISSING, AnyArray, Content, note

#: Returns what a name stands for, or the default: ``dict.get`` of a namespace.
Lookup: TypeAlias = Callable[[Any, object], object]
#: Returns what is in a container.
Fetch: TypeAlias = Callable[[Any], tuple[object, ...]]

#: Classes whose instances are equal to nothing else.
_IDENTICAL: Final = frozenset({FunctionType, BuiltinFunctionType, ModuleType, type})

_FOUND: Final = object.__getattribute__  # past whatever the user's class says


@final
@frozen(eq=False, repr=False)
class Guards:
    """What was found where; `hold` says whether it is still so."""

    bindings: list[tuple[Lookup, Any, object]] = Factory(list)
    #: The names of a namespace that stand for functions and the like, all at once.
    constants: list[tuple[itemgetter[Any], dict[str, object], Any, tuple[str, ...]]] = Factory(list)
    #: The variables of outer functions, with their names.
    cells: list[tuple[CellType, object, str]] = Factory(list)
    functions: list[tuple[FunctionType, CodeType]] = Factory(list)
    #: Functions that have defaults: to get some changes no call that gave all arguments.
    defaults: list[tuple[FunctionType, object]] = Factory(list)
    containers: list[tuple[Fetch, Any, tuple[object, ...]]] = Factory(list)
    arrays: list[Content] = Factory(list)

    def hold(self) -> bool:
        """Return whether everything is, by identity, as it was, and each array has its elements."""
        try:
            for several, namespace, values, _ in self.constants:
                if several(namespace) != values:
                    return False
            for lookup, name, value in self.bindings:
                if lookup(name, MISSING) is not value:
                    return False
            for cell, value, _ in self.cells:
                if cell.cell_contents is not value:
                    return False
            for function, code in self.functions:
                if function.__code__ is not code:
                    return False
            for function, defaults in self.defaults:
                if function.__defaults__ is not defaults:
                    return False
            for fetch, container, elements in self.containers:
                now = fetch(container)
                if len(now) != len(elements) or not all(map(is_, now, elements)):
                    return False
            return all(content.holds() for content in self.arrays) if self.arrays else True
        except Exception:  # noqa: BLE001 - what is odd is looked at closely
            return False

    def container(self, fetch: Fetch, container: object) -> tuple[object, ...]:
        """Watch what is in a container, and return it."""
        elements = fetch(container)
        self.containers.append((fetch, container, elements))
        return elements

    def watch(self, cell: CellType, name: str) -> object:
        """Watch a variable of an outer function, and return what it is."""
        value = variable(cell, MISSING)
        if value is MISSING:
            self.bindings.append((variable, cell, MISSING))
        else:
            self.cells.append((cell, value, name))
        return value

    def group(self) -> None:
        """Put what is bound to functions, modules and classes together, by namespaces."""
        found: dict[int, tuple[dict[str, object], dict[str, object]]] = {}
        rest = []
        for lookup, name, value in self.bindings:
            namespace = getattr(lookup, "__self__", None)
            if type(namespace) is dict and type(value) in _IDENTICAL:
                found.setdefault(id(namespace), (namespace, {}))[1][name] = value
            else:
                rest.append((lookup, name, value))
        self.bindings[:] = rest
        for namespace, bound in found.values():
            names = (*bound, next(iter(bound)))  # of a single name it would be no tuple
            values = tuple([bound[name] for name in names])
            self.constants.append((itemgetter(*names), namespace, values, names))

    def rebound(self) -> set[str]:
        """Return the names that now stand for something else."""
        names = {name for cell, value, name in self.cells if variable(cell, MISSING) is not value}
        for lookup, key, value in self.bindings:
            name = key if isinstance(key, str) else getattr(key, "__name__", None)
            if name is not None and lookup(key, MISSING) is not value:
                names.add(name)
        for _, namespace, values, group in self.constants:
            pairs = zip(group, values, strict=True)
            names |= {name for name, value in pairs if namespace.get(name) is not value}
        return names


def variable(cell: CellType, default: object) -> object:
    """Return what a variable of an outer function is."""
    try:
        value: object = cell.cell_contents
    except ValueError:  # not bound, or not yet
        return default
    return value


def entries(mapping: Any) -> tuple[object, ...]:  # noqa: ANN401 - a dict or a view of one
    """Return the keys and then the values."""
    return (*mapping, *mapping.values())


def elements(array: AnyArray) -> tuple[object, ...]:
    """Return the elements of an array of objects."""
    return tuple(array.ravel().tolist())


def attributes(thing: object) -> dict[str, object] | None:
    """Return the attributes that an instance keeps in a dict."""
    try:
        found: object = _FOUND(thing, "__dict__")
    except AttributeError:
        return None
    return found if type(found) is dict else None


def same_attributes(thing: object, cls: type, expected: object, default: object) -> object:
    """Return the dict that is expected, if an instance still keeps its attributes there."""
    return expected if type(thing) is cls and attributes(thing) is expected else default


def same_keywords(function: FunctionType, expected: object, default: object) -> object:
    """Return the defaults of keywords that are expected, if a function still has them."""
    return expected if function.__kwdefaults__ is expected else default


def buffered(thing: Any) -> tuple[str, tuple[int, ...] | None, bytes] | None:  # noqa: ANN401 - of any class
    """Return what lies in the memory of a bytearray and the like; None for what has no memory."""
    try:
        memory = memoryview(thing)
    except TypeError:
        return None
    with memory:
        return memory.format, memory.shape, memory.tobytes()


def same_buffer(thing: object, expected: object, default: object) -> object:
    """Return the content of memory that is expected, if it is still there."""
    return expected if buffered(thing) == expected else default


def same_elements(thing: object, content: Content, default: object) -> object:
    """Return the content, if what becomes an ndarray of it still has it."""
    return content if note(np.asarray(thing)).same(content) else default


def slot(thing: object, descriptor: MemberDescriptorType, default: object) -> object:
    """Return what is in a slot."""
    try:
        value: object = descriptor.__get__(thing)
    except AttributeError:
        return default
    return value


def slots(cls: type) -> dict[str, MemberDescriptorType]:
    """Return the slots of a class by their names."""
    mro = type.__dict__["__mro__"].__get__(cls)
    return {
        name: value
        for base in reversed(mro)
        for name, value in type.__dict__["__dict__"].__get__(base).items()
        if type(value) is MemberDescriptorType
    }
