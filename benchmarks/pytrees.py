"""Is taking a model apart, and putting it together, cheap beside the work on its leaves?

python -m benchmarks.pytrees
"""

from __future__ import annotations

import jax

from benchmarks.timing import interleave, table
from pullback import nn, tree
from pullback.random import key


def main() -> None:
    """Measure and print."""
    model = nn.MLP.create(key(0), [4] * 11)
    nested = {"layers": [{"weight": i, "bias": -i} for i in range(10)]}
    leaves, structure = tree.flatten(model)
    assert len(leaves) == 20
    jax_leaves, jax_structure = jax.tree.flatten(nested)
    our_leaves, our_structure = tree.flatten(nested)
    assert our_leaves == jax_leaves

    model_jobs = {
        "pullback": lambda: tree.flatten(model),
        "unflatten": lambda: tree.unflatten(structure, leaves),
        "map": lambda: tree.map(lambda p: p, model),
    }
    table("a frozen attrs MLP of 10 layers, 20 leaves: flatten", interleave(model_jobs))
    flatten_jobs = {
        "pullback": lambda: tree.flatten(nested),
        "jax (in C++)": lambda: jax.tree.flatten(nested),
    }
    table("a dict of a list of 10 dicts, 20 leaves: flatten", interleave(flatten_jobs))
    unflatten_jobs = {
        "pullback": lambda: tree.unflatten(our_structure, our_leaves),
        "jax (in C++)": lambda: jax.tree.unflatten(jax_structure, jax_leaves),
    }
    table("the same: unflatten", interleave(unflatten_jobs))


if __name__ == "__main__":
    main()
