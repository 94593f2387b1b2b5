"""Optimisers: pairs of pure functions, one that makes a state and one that takes a step."""

from pullback.optim.sgd import Sgd, SgdState, sgd

__all__ = ["Sgd", "SgdState", "sgd"]
