"""What native code and those who call it agree on: tables of pointers, names, what a run returns.

Native code of a program is given two tables. The *root* is one for a whole run: what a host call
needs, and the constants. The *table* is one for each call of the program, which a loop may call a
thousand times: the arena, the inputs, the outputs.
"""

from __future__ import annotations

from typing import Final

#: The fixed entries of the root, before the constants.
FRAME: Final = 0
DESCRIPTIONS: Final = 1
TABLE: Final = 2
CONSTANTS: Final = 3
#: The first entries of a table; then come the outputs.
ARENA: Final = 0
INPUTS: Final = 1

#: What a run returns where an argument is not as described.
UNFIT: Final = 2
#: The same where NumPy is to evaluate the program: it names the index that is out of range.
REFUSED: Final = 3

#: The function of a run, and those that it calls outside.
RUN: Final = "run"
CALL_HOST: Final = "pullback_call_host"
PARALLEL: Final = "pullback_parallel"


class UnfitError(Exception):
    """A Python integer is too long for native code. Never seen outside the compiler."""
