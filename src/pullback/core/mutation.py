"""What would change an array in place: refused, with the pure form to use instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Never

from pullback.core.methods import Methods
from pullback.errors import ImmutabilityError


def _refusing(call: str, remedy: str) -> Callable[..., Never]:
    """Return a method that says what to write in place of ``call``."""

    def refuse(*_: object, **__: object) -> Never:
        msg = f"{call}: arrays do not change in place; {remedy}"
        raise ImmutabilityError(msg)

    refuse.__doc__ = f"Refuse: arrays do not change in place; {remedy}."
    return refuse


class Mutation(Methods):
    """The methods of ``numpy.ndarray`` that change the array."""

    __slots__ = ()

    __setitem__: Final = _refusing(
        "x[...] = value", "x.at[0].set(1) returns a new array with the element replaced"
    )
    __delitem__: Final = _refusing(
        "del x[...]", "concatenate the parts that stay, as in concat([x[:1], x[2:]])"
    )
    byteswap: Final = _refusing("x.byteswap()", "use np.asarray(x).byteswap()")
    fill: Final = _refusing("x.fill(value)", "full_like(x, value) returns a new array")
    itemset: Final = _refusing("x.itemset(...)", "x.at[0].set(1) returns a new array")
    partition: Final = _refusing("x.partition(...)", "sort(x) returns a new array")
    put: Final = _refusing("x.put(...)", "x.ravel().at[indices].set(values) returns a new array")
    resize: Final = _refusing("x.resize(shape)", "reshape, pad or slice into a new array")
    setfield: Final = _refusing("x.setfield(...)", "x.at[0].set(1) returns a new array")
    setflags: Final = _refusing("x.setflags(...)", "an array stays read-only")
    sort: Final = _refusing("x.sort()", "pullback.sort(x) or np.sort(x) returns a sorted array")
