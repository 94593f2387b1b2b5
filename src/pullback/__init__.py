"""Differentiate pure Python functions over immutable, typed data."""

from pullback.api import *  # noqa: F403 - the public names stand in pullback.api.__all__
from pullback.api import __all__ as __all__
