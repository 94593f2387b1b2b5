"""The walk over all that a function can read: what is there, and what to watch.

From a function it goes to its closure, its defaults and the globals that its code mentions, and on
into what these are: functions, classes, instances, modules, containers, arrays. Of modules, classes
and instances it follows the attributes that some code on the way mentions; of pytrees all. Code of
libraries is taken for constant, but through a library's closure or a transform of ours it goes on
to the user's function. Nothing of the user's is called.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from functools import partial
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, Final, final  # noqa: TID251 - things of any type

import numpy as np
from attrs import Factory, frozen

from pullback.api.captured_classes import (
    CLOSED,
    GETTERS,
    IDLE,
    MAPPINGS,
    SETS,
    TRANSPARENT,
    WRAPPERS,
    is_tree,
    shows_all,
)
from pullback.api.captured_code import Code, code_key, read_code
from pullback.api.captured_guards import (
    Guards,
    Lookup,
    attributes,
    buffered,
    elements,
    entries,
    same_attributes,
    same_buffer,
    same_elements,
    same_keywords,
    slot,
    slots,
    variable,
)
from pullback.api.captured_values import ATOMS, MISSING, AnyArray, Kind, Mark, Place, note
from pullback.core import Array
from pullback.core.origins import is_library, is_library_class, is_own, is_own_class
from pullback.tree.classes import kind_of

_MOST: Final = 1_000_000  # things; those beyond are compared by identity


def walk(roots: tuple[object, ...], names: tuple[str, ...]) -> Walk:
    """Return what can be reached from some functions and objects."""
    found = Walk()
    found.run(roots, names)
    return found


@final
@frozen(eq=False, repr=False)
class _Holder:
    """A namespace of which only some names are followed."""

    lookup: Lookup
    place: Place
    #: The names in it, of which the lookup may want what they are mapped to.
    names: Mapping[str, object]
    slotted: bool = False
    #: Whether all names are followed where code may read attributes that it does not mention.
    instance: bool = True
    followed: set[str] = Factory(set)


@final
@frozen(eq=False, repr=False)
class Walk:
    """What was found, and until the end what is still to be seen."""

    guards: Guards = Factory(Guards)
    marks: list[Mark] = Factory(list)
    _codes: list[Code] = Factory(list)
    _queue: deque[tuple[object, Place]] = Factory(deque)
    #: What was seen, by identity: the number of its mark, and itself, so that it stays alive.
    _seen: dict[int, tuple[int, object]] = Factory(dict)
    _holders: list[_Holder] = Factory(list)
    _mentioned: dict[str, None] = Factory(dict)
    _globals: set[tuple[int, str]] = Factory(set)

    def rebinds(self) -> frozenset[str] | None:
        """Return the names that the code on the way rebinds; None where that may be any."""
        names: set[str] = set()
        for code in self._codes:
            if code.rebinds is None:
                return None
            names |= code.rebinds
        return frozenset(names)

    def run(self, roots: tuple[object, ...], names: tuple[str, ...]) -> None:
        """See all that can be reached."""
        for root, name in zip(roots, names, strict=True):
            if isinstance(root, (FunctionType, MethodType)):
                name = root.__name__  # noqa: PLW2901 - said better
            self._push(root, Place("", name))
        while self._queue or self._follow():
            thing, place = self._queue.popleft()
            try:
                self._visit(thing, place)
            except Exception:  # noqa: BLE001 - an odd object: it is at least itself
                self._mark(place, Kind.OBJECT, thing)
        self.guards.group()
        for finished in (self._seen, self._holders, self._mentioned, self._globals):
            finished.clear()

    def _push(self, thing: object, place: Place) -> None:
        self._queue.append((thing, place))

    def _mark(self, place: Place, kind: Kind, value: object) -> None:
        self.marks.append((place, kind, value))

    def _follow(self) -> bool:
        """Look up mentioned names in all namespaces; return whether there is more to see."""
        dynamic = any(code.dynamic for code in self._codes)
        for holder in self._holders:
            every = tuple(holder.names) if dynamic and holder.instance else ()
            for name in (*self._mentioned, *every):
                self._look_up(holder, name)
        return bool(self._queue)

    def _hold(self, holder: _Holder, *, whole: bool = False) -> None:
        """Follow the mentioned names of a namespace from now on, or all."""
        self._holders.append(holder)
        for name in tuple(holder.names) if whole else ():
            self._look_up(holder, name)

    def _look_up(self, holder: _Holder, name: str) -> None:
        """Follow a name in a namespace, if it is there."""
        if name in holder.followed or name not in holder.names:
            return
        holder.followed.add(name)
        key = holder.names[name] if holder.slotted else name
        value = holder.lookup(key, MISSING)
        self.guards.bindings.append((holder.lookup, key, value))
        self._push(value, holder.place.child("." + name))

    def _visit(self, thing: object, place: Place) -> None:
        cls = type(thing)
        if cls in ATOMS or issubclass(cls, (np.generic, np.dtype)):
            return self._mark(place, Kind.ATOM, thing)
        if cls is Array:
            return self._mark(place, Kind.NODE, thing)
        known = self._seen.get(id(thing))
        if known is not None:
            return self._mark(place, Kind.SEEN, known[0])
        self._seen[id(thing)] = len(self.marks), thing
        if len(self._seen) > _MOST or not CLOSED.isdisjoint(cls.__mro__):
            return self._mark(place, Kind.OBJECT, thing)
        return self._open(thing, cls, place)

    def _open(self, thing: Any, cls: type, place: Place) -> None:  # noqa: ANN401 - anything
        if cls is FunctionType:
            self._function(thing, place)
        elif cls is MethodType:
            self._mark(place, Kind.SHAPE, ("a method",))
            self._push(thing.__func__, place)
            own = is_own_class(type(thing.__self__))
            place = place if own else Place("", "self", f", read by `{thing.__name__}`,")
            self._push(thing.__self__, place)
        elif cls in {BuiltinFunctionType, MethodWrapperType}:
            self._builtin(thing, place)
        elif cls is partial:
            self._mark(place, Kind.SHAPE, ("a partial",))
            for step in ("func", "args", "keywords"):
                self._push(getattr(thing, step), place.child("." + step))
        elif cls in WRAPPERS:
            self._mark(place, Kind.SHAPE, (f"a {cls.__name__}",))
            self._push(getattr(thing, WRAPPERS[cls]), place)
        elif issubclass(cls, ModuleType):
            self._module(thing, place)
        elif issubclass(cls, type):
            self._class(thing, place)
        elif issubclass(cls, np.ndarray):
            self._array(thing, place)
        else:
            self._container(thing, cls, place)

    def _builtin(self, method: BuiltinFunctionType, place: Place) -> None:
        """See a function written in C; one that belongs to an object reads this."""
        owner = method.__self__
        if owner is None or issubclass(type(owner), (ModuleType, type)):
            return self._mark(place, Kind.OBJECT, method)
        self._mark(place, Kind.SHAPE, ("a method", method.__name__))
        return self._push(owner, place.child(".__self__"))

    def _function(self, f: FunctionType, place: Place) -> None:
        """See a function: its code, defaults and closure, and the globals that it mentions."""
        code, defaults = f.__code__, f.__defaults__ or ()
        self._mark(place, Kind.SHAPE, ("a function", code_key(code)))
        if is_library(f.__globals__) or code.co_filename.startswith("<attrs generated"):
            self._library_function(f, place)
            return
        self.guards.functions.append((f, code))
        if defaults:
            self.guards.defaults.append((f, f.__defaults__))
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            value = self.guards.watch(cell, name)
            self._push(value, Place("", name, f", captured by `{f.__name__}`,"))
        keywords = f.__kwdefaults__ or {}
        if keywords:
            self.guards.container(entries, keywords)
            self.guards.bindings.append((partial(same_keywords, f), keywords, keywords))
        names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        for parameter, value in (*zip(names, defaults, strict=True), *keywords.items()):
            self._push(value, Place("", parameter, f", a default of `{f.__name__}`,"))
        if f.__dict__:
            self._push(f.__dict__.get("__wrapped__"), place)
            self._namespace(f.__dict__, place)
        read = read_code(code)
        self._codes.append(read)
        self._mentioned.update(dict.fromkeys(read.attributes))
        self._surroundings(f.__globals__, read)

    def _library_function(self, f: FunctionType, place: Place) -> None:
        """See what a library's function was made with: the user's, perhaps."""
        own = is_own(f.__globals__)  # then nothing is ever rebound
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            value = variable(cell, MISSING) if own else self.guards.watch(cell, name)
            self._push(value, place)
        for value in (*(f.__defaults__ or ()), f.__dict__.get("__wrapped__")):
            self._push(value, place)

    def _surroundings(self, variables: dict[str, Any], read: Code) -> None:
        """See the globals that code mentions, and the modules that it imports."""
        for name in read.global_names:
            if (id(variables), name) not in self._globals:
                self._globals.add((id(variables), name))
                value = variables.get(name, MISSING)
                self.guards.bindings.append((variables.get, name, value))
                self._push(value, Place("the global ", name))
        package = variables.get("__package__")
        for name in read.imports:
            for full in (name, f"{package}.{name}"):
                if full in sys.modules:
                    self._push(sys.modules[full], Place("the module ", full))

    def _module(self, module: ModuleType, place: Place) -> None:
        """See a module: what is mentioned of it."""
        variables = module.__dict__
        self._mark(place, Kind.SHAPE, ("a module", variables.get("__name__")))
        if not is_library(variables):
            size = len(variables)  # new names: quicker than the names themselves
            self.guards.bindings.append((partial(_has_size, variables), size, True))
            self._hold(_Holder(variables.get, place, variables, instance=False))

    def _class(self, cls: type, place: Place) -> None:
        """See a class: its special methods, and what is mentioned of it and of its bases."""
        if is_library_class(cls):
            return self._mark(place, Kind.OBJECT, cls)
        variables = vars(cls)
        self._mark(place, Kind.SHAPE, (f"the class {cls.__qualname__}", cls.__module__))
        self.guards.container(tuple, variables)
        holder = _Holder(variables.get, place, variables, instance=False)
        self._hold(holder)
        for name, value in tuple(variables.items()):
            if name[:2] == "__" and type(value) is FunctionType and name not in IDLE:
                self._look_up(holder, name)
        for base in (*cls.__bases__, type(cls)):
            if not is_library_class(base):
                self._push(base, Place("the class ", base.__qualname__))
        return None

    def _array(self, array: AnyArray, place: Place) -> None:
        """See an ndarray: its elements."""
        if array.dtype.hasobject:
            self._mark(place, Kind.SHAPE, ("an ndarray of objects", array.shape))
            self._sequence(self.guards.container(elements, array), "elements", place)
            return
        content = note(array)
        self._mark(place, Kind.CONTENT, content)
        self.guards.arrays.append(content)
        # To name masked arrays imports them, so only subclasses are asked.
        if array.__class__ is not np.ndarray and isinstance(array, np.ma.MaskedArray):
            self._push(np.ma.getmask(array), place.child(".mask"))

    def _container(self, thing: Any, cls: type, place: Place) -> None:  # noqa: ANN401 - anything
        """See what holds elements; all else is an instance with attributes."""
        if issubclass(cls, tuple):
            self._sequence(tuple(thing), f"a {cls.__name__}", place)
        elif issubclass(cls, (list, deque)):
            self._sequence(self.guards.container(tuple, thing), f"a {cls.__name__}", place)
        elif issubclass(cls, MAPPINGS):
            found = self.guards.container(entries, thing)
            keys, values = found[: len(found) // 2], found[len(found) // 2 :]
            self._sequence(keys, f"the keys of a {cls.__name__}", place, "key ")
            for key, value in zip(keys, values, strict=True):
                self._push(value, place.child(f"[{key!r}]" if type(key) in ATOMS else "[...]"))
        elif issubclass(cls, SETS):
            found = self.guards.container(tuple, thing)
            if all(type(element) in ATOMS for element in found):
                exact = frozenset([(type(element), repr(element)) for element in found])
                self._mark(place, Kind.SHAPE, (f"a {cls.__name__} of {len(found)}", exact))
            else:
                self._sequence(found, f"a {cls.__name__}", place)
        elif cls.__module__.partition(".")[0] in {"pyrsistent", "pvectorc"}:
            self._persistent(thing, cls, place)
        else:
            return self._instance(thing, cls, place)
        return None if is_library_class(cls) else self._instance(thing, cls, place)

    def _sequence(self, parts: tuple[object, ...], text: str, place: Place, kind: str = "") -> None:
        """See the parts of a container."""
        if parts and all(type(part) in ATOMS for part in parts):
            return self._mark(place, Kind.ATOMS, (text, parts))
        self._mark(place, Kind.SHAPE, (f"{text} of {len(parts)}",))
        for number, part in enumerate(parts):
            self._push(part, place.child(f"[{kind}{number}]"))
        return None

    def _persistent(self, thing: object, cls: type, place: Place) -> None:
        """See a container of pyrsistent's, which does not change, though its parts may."""
        kind = kind_of(cls)
        if kind is None:
            return self._mark(place, Kind.OBJECT, thing)
        node, children = kind.open(thing)
        self._mark(place, Kind.SHAPE, (f"a {cls.__name__} of {node[1]}", *node[2:]))
        for step, child in zip(kind.steps(node), children, strict=True):
            self._push(child, place.child(step[1]))
        return None

    def _instance(self, thing: object, cls: type, place: Place) -> None:
        """See an instance: its class, and its attributes, all or those that are mentioned."""
        variables, descriptors, library = attributes(thing), slots(cls), is_library_class(cls)
        if library and hasattr(cls, "__array__"):  # a data frame, a tensor
            content = note(np.asarray(thing), thing)
            if not content.dtype.hasobject:
                self.guards.bindings.append((partial(same_elements, thing), content, content))
                return self._mark(place, Kind.CONTENT, content)
        if library:
            if issubclass(cls, GETTERS):
                return self._getter(thing, place)
            memory = buffered(thing)
            if memory is not None:
                self.guards.bindings.append((partial(same_buffer, thing), memory, memory))
                return self._mark(place, Kind.SHAPE, (f"a {cls.__name__}", *memory))
            wrapped = getattr(thing, "__wrapped__", MISSING)
            if wrapped is not MISSING:  # what a wrapper keeps besides is its own affair
                return self._push(wrapped, place)
            if cls not in TRANSPARENT and not is_own_class(cls):
                self._mark(place, Kind.OBJECT, thing)
        self._mark(place, Kind.SHAPE, (f"an instance of {cls.__qualname__}", cls.__module__))
        if is_own_class(cls):  # these do not change
            found = {name: slot(thing, key, MISSING) for name, key in descriptors.items()}
            for name, value in (found | (variables or {})).items():
                self._push(value, place.child("." + name))
            return None
        if not library:
            self._push(cls, Place("the class ", cls.__qualname__))
        whole = shows_all(thing) if library else is_tree(cls)
        if variables is not None:
            lookup = partial(same_attributes, thing, cls)
            self.guards.bindings.append((lookup, variables, variables))
            self._namespace(variables, place, whole=whole)
        if descriptors:
            lookup = partial(slot, thing)
            self._hold(_Holder(lookup, place, descriptors, slotted=True), whole=whole)
        return None

    def _getter(self, getter: Any, place: Place) -> None:  # noqa: ANN401 - one of operator's
        """See what `operator` makes of the names of attributes, or of places."""
        make, arguments = getter.__reduce__()
        self._mark(place, Kind.SHAPE, (f"a {type(getter).__name__}",))
        for argument in (*getattr(make, "args", ()), *arguments):
            if isinstance(argument, str):
                self._mentioned.update(dict.fromkeys(argument.split(".")))
        self._push((make, arguments), place)

    def _namespace(
        self, variables: dict[str, object], place: Place, *, whole: bool = False
    ) -> None:
        """See attributes in a dict."""
        self.guards.container(tuple, variables)
        self._hold(_Holder(variables.get, place, variables), whole=whole)


def _has_size(variables: Mapping[str, object], size: int, default: object) -> object:
    return True if len(variables) == size else default
