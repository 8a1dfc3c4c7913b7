"""The beta distribution against closed forms."""

import math

import pytest

from nodes.diffusion.beta_distribution import beta_cumulative, beta_quantile


@pytest.mark.parametrize("x", [0.0, 1e-6, 0.1, 0.5, 0.77, 1 - 1e-6, 1.0])
def test_known_distributions_are_found(x: float) -> None:
    assert beta_cumulative(x, 1, 1) == pytest.approx(x, abs=1e-14)
    assert beta_cumulative(x, 3, 1) == pytest.approx(x**3, abs=1e-13)
    arcsine = 2 / math.pi * math.asin(math.sqrt(x))
    assert beta_cumulative(x, 0.5, 0.5) == pytest.approx(arcsine, abs=1e-12)


@pytest.mark.parametrize("probability", [0.0, 0.001, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("alpha", "beta"), [(0.6, 0.6), (2.0, 5.0), (30.0, 0.1)])
def test_a_quantile_is_the_inverse(probability: float, alpha: float, beta: float) -> None:
    x = beta_quantile(probability, alpha, beta)
    # Where the density is endless, 1e-12 of x is more of probability.
    assert beta_cumulative(x, alpha, beta) == pytest.approx(
        probability, abs=1e-2 if beta < 0.5 else 1e-6
    )
