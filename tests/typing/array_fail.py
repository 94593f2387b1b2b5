"""Arrays: writing to them, and arguments of the wrong kind."""

from __future__ import annotations

import pullback as pb

x = pb.asarray([1.0, 2.0])

x + "text"  # E: operator
pb.sum("text")  # E: arg-type
pb.sum(["text"])  # E: list-item
x.shape = (2, 1)  # E: misc
x.sum(axis="rows")  # E: arg-type
x.reshape("flat")  # E: arg-type
x.item() + "text"  # E: operator
pb.zeros("shape")  # E: arg-type
pb.meshgrid(x, indexing="rows")  # E: arg-type
