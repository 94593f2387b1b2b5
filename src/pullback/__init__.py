"""Differentiate pure Python functions over immutable, typed data.

The public functions stand in this namespace; the libraries above them in the modules `nn`,
`optim`, `random`, `special`, `testing` and `tree`, which load when they are first used.
"""

import sys
from typing import TYPE_CHECKING

from pullback import api as _api
from pullback.api import *  # noqa: F403 - the public names stand in pullback.api.__all__
from pullback.lazy import lazy

if TYPE_CHECKING:
    from pullback import nn, optim, random, special, testing, tree
else:
    nn = lazy("pullback.nn")
    optim = lazy("pullback.optim")
    random = lazy("pullback.random")
    special = lazy("pullback.special")
    testing = lazy("pullback.testing")
    tree = lazy("pullback.tree")

    def __getattr__(name: str) -> object:
        if name not in _api.LATE:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg, name=name, obj=sys.modules[__name__])
        return getattr(_api, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_api.LATE})


__all__ = [  # noqa: PLE0604 - all are strings
    *_api.__all__,
    *_api.LATE,
    "nn",
    "optim",
    "random",
    "special",
    "testing",
    "tree",
]
