"""Pytrees: immutable values made of containers with numbers at the leaves.

A model, its gradient and the state of an optimizer are trees of one structure. This package takes
trees apart and builds them; it knows no arrays and no gradients. It keeps no registry: what is a
container is said by the class of the object.

`flatten` says what the containers are; `static` and `leaf` make exceptions; `Container` and
`register` add classes.
"""

from pullback.tree.classes import leaf, register
from pullback.tree.comparison import all_close, check_same
from pullback.tree.flattening import (
    flatten,
    flatten_with_path,
    leaves,
    leaves_with_path,
    structure,
    unflatten,
)
from pullback.tree.maps import map, map_with_path, reduce, transpose
from pullback.tree.paths import Path
from pullback.tree.records import static
from pullback.tree.registrations import Container
from pullback.tree.structures import Structure

__all__ = [
    "Container",
    "Path",
    "Structure",
    "all_close",
    "check_same",
    "flatten",
    "flatten_with_path",
    "leaf",
    "leaves",
    "leaves_with_path",
    "map",
    "map_with_path",
    "reduce",
    "register",
    "static",
    "structure",
    "transpose",
    "unflatten",
]
