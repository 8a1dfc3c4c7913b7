"""Integrals over a step of what solvers take for the slope or the estimate within it."""

import math
from collections.abc import Callable, Sequence

import numpy as np

# Gauss-Legendre nodes and weights on [-1, 1]: 32 integrate smooth functions to double precision.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


def integral(function: Callable[[float], float], start: float, end: float) -> float:
    """Integrate a smooth function from `start` to `end`."""
    middle, half = (start + end) / 2, (end - start) / 2
    values = [function(middle + half * float(node)) for node in _NODES]
    return half * float(np.dot(_WEIGHTS, values))


def lagrange(places: Sequence[float]) -> list[Callable[[float], float]]:
    """Give for each place the polynomial that is 1 there, and 0 at the others.

    Times the values at the places they sum to the polynomial through these.
    """
    return [_one_at(place, [other for other in places if other != place]) for place in places]


def _one_at(place: float, others: Sequence[float]) -> Callable[[float], float]:
    return lambda x: math.prod((x - other) / (place - other) for other in others)
