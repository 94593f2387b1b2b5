"""What users test their own functions with: derivatives against differences."""

from pullback.errors import GradientError
from pullback.testing.gradients import check_grads

__all__ = ["GradientError", "check_grads"]
