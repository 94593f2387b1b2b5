"""What the start of a process costs: importing pullback, and printing a first gradient.

python -m benchmarks.start
"""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.timing import interleave, table

PROGRAMS = {
    "import": {"pullback": "import pullback", "numpy": "import numpy"},
    "first gradient printed": {
        "pullback": "import pullback as pb; print(pb.grad(lambda x: x * pb.sin(x))(2.0))",
        "numpy": "import numpy as np; print(np.sin(2.0))",
        "autograd": (
            "import autograd, autograd.numpy as np; "
            "print(autograd.grad(lambda x: x * np.sin(x))(2.0))"
        ),
        "jax": "import jax; print(jax.grad(lambda x: x * jax.numpy.sin(x))(2.0))",
        "torch": (
            "import torch; x = torch.tensor(2.0, requires_grad=True); "
            "print(torch.autograd.grad(x * torch.sin(x), x))"
        ),
    },
}


def main() -> None:
    """Measure and print."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for title, programs in PROGRAMS.items():
        jobs = {}
        for name, program in programs.items():
            command = [sys.executable, "-c", program]

            def job(command: list[str] = command) -> None:
                subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603

            jobs[name] = job
        table(f"process: {title}", interleave(jobs, rounds=15))


if __name__ == "__main__":
    main()
