"""What the layer contract (import-linter, in pyproject.toml) cannot see: what an import loads."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

REPORT: Final = "import sys, pullback; print(*sorted(sys.modules))"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules that ``import pullback`` loads in a fresh interpreter."""
    command = [sys.executable, "-W", "error", "-c", REPORT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("heavy", ["scipy", "llvmlite"])
def test_import_of_pullback_leaves_heavy_dependencies_unloaded(
    heavy: str, loaded: set[str]
) -> None:
    assert "pullback" in loaded
    assert heavy not in loaded
