"""What an array is without its values: shapes, data types, and how they combine.

Pure functions on types; nothing here holds data, knows primitives, or knows the graph.
"""

from pullback.types.array_type import ArrayType, type_of
from pullback.types.axes import canonical_axes, canonical_axis
from pullback.types.broadcasting import broadcast_shapes
from pullback.types.promotion import check_dtype, promote, python_zero, ufunc_dtype

__all__ = [
    "ArrayType",
    "broadcast_shapes",
    "canonical_axes",
    "canonical_axis",
    "check_dtype",
    "promote",
    "python_zero",
    "type_of",
    "ufunc_dtype",
]
