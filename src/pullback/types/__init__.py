"""What an array is without its values: shapes, data types, and how they combine.

Pure functions on types; nothing here holds data, knows primitives, or knows the graph.
"""

from pullback.types.array_type import ArrayType, bundle_type, type_of
from pullback.types.axes import canonical_axes, canonical_axis
from pullback.types.broadcasting import broadcast_shapes
from pullback.types.bundle import Bundle, only
from pullback.types.promotion import check_dtype, promote, python_zero, ufunc_dtype

__all__ = [
    "ArrayType",
    "Bundle",
    "broadcast_shapes",
    "bundle_type",
    "canonical_axes",
    "canonical_axis",
    "check_dtype",
    "only",
    "promote",
    "python_zero",
    "type_of",
    "ufunc_dtype",
]
