"""The identity of a trace: one call of a transform, or one variable a user made."""

from __future__ import annotations

from typing import final

from attrs import frozen

from pullback.tree import leaf


@leaf
@final
@frozen(eq=False, repr=False)
class Trace:
    """A token, compared by identity: a node depends on a trace when it has it in its sources."""
