"""Differentiate pure Python functions over immutable, typed data.

The public functions stand in this namespace; the libraries above them in the modules `nn`,
`optim`, `random`, `special` and `tree`, which load when they are first used.
"""

from typing import TYPE_CHECKING

from pullback.api import *  # noqa: F403 - the public names stand in pullback.api.__all__
from pullback.api import __all__ as _functions
from pullback.lazy import lazy

if TYPE_CHECKING:
    from pullback import nn, optim, random, special, tree
else:
    nn = lazy("pullback.nn")
    optim = lazy("pullback.optim")
    random = lazy("pullback.random")
    special = lazy("pullback.special")
    tree = lazy("pullback.tree")

__all__ = [*_functions, "nn", "optim", "random", "special", "tree"]  # noqa: PLE0604 - all are strings
