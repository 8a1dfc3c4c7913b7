"""Integrals over a step, and the polynomials under them."""

import math

import pytest

from nodes.diffusion.solvers.quadrature import integral, lagrange


def test_an_integral_of_a_smooth_function_is_exact_to_rounding() -> None:
    assert integral(math.exp, -1, 2) == pytest.approx(math.exp(2) - math.exp(-1), rel=1e-14)


def test_an_integral_down_is_less_than_nothing() -> None:
    assert integral(lambda x: x, 2.0, 0.0) == pytest.approx(-2)


def test_integrals_of_lagrange_polynomials_are_exact() -> None:
    places, low, high = [1.0, 2.5, 4.0], 1.0, 0.3
    weights = [integral(polynomial, low, high) for polynomial in lagrange(places)]
    # Exact for 1, x and x^2: three conditions on three weights.
    for power in range(3):
        total = sum(w * p**power for w, p in zip(weights, places, strict=True))
        assert total == pytest.approx((high ** (power + 1) - low ** (power + 1)) / (power + 1))


def test_a_lagrange_polynomial_is_one_at_its_place_and_zero_at_the_others() -> None:
    places = [0.5, 1.0, 3.0]
    for own, polynomial in zip(places, lagrange(places), strict=True):
        assert [polynomial(place) for place in places] == [float(place == own) for place in places]
