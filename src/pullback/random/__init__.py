"""Random numbers from explicit keys: the same key gives the same numbers, always and everywhere.

There is no hidden state to seed: `key` makes a key, `split` makes new keys of it, and every draw
takes the key it uses.
"""

from pullback.random.distributions import bits, normal, uniform
from pullback.random.keys import fold_in, key, split
from pullback.random.threefry import threefry2x32

__all__ = ["bits", "fold_in", "key", "normal", "split", "threefry2x32", "uniform"]
