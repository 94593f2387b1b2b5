"""NumPy's protocols (NEP 13, NEP 18) and the Array API's: how foreign code finds our functions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Final

from pullback.core.mutation import Mutation
from pullback.errors import UnsupportedError
from pullback.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    import pullback.api.numpy_protocol as protocol
else:
    protocol = lazy("pullback.api.numpy_protocol")

_REVISIONS: Final = ("2021.12", "2022.12", "2023.12", "2024.12")


class Protocols(Mutation):
    """What NumPy, SciPy and code written for the Array API standard ask an array for."""

    __slots__ = ()

    #: For libraries that do not know the protocols below and ask who comes first.
    __array_priority__: ClassVar[float] = 1000.0

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: object, **options: object
    ) -> object:
        return protocol.call_ufunc(ufunc, method, inputs, options)

    def __array_function__(
        self,
        function: Callable[..., object],
        types: Collection[type],
        arguments: tuple[object, ...],
        options: Mapping[str, object],
    ) -> object:
        return protocol.call_function(function, types, arguments, options)

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        if api_version is not None and api_version not in _REVISIONS:
            msg = (
                f"__array_namespace__: revision {api_version!r} of the Array API standard; "
                f"pullback follows {', '.join(_REVISIONS)}"
            )
            raise UnsupportedError(msg)
        return sys.modules["pullback"]
