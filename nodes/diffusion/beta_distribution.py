"""Quantiles of the beta distribution, which neither torch nor the standard library has."""

import math


def beta_quantile(probability: float, alpha: float, beta: float) -> float:
    """Find x in [0, 1] with I_x(alpha, beta) = probability, to 1e-12, by bisection."""
    if probability <= 0:
        return 0.0
    if probability >= 1:
        return 1.0
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if beta_cumulative(middle, alpha, beta) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_cumulative(x: float, alpha: float, beta: float) -> float:
    """Give the regularised incomplete beta function I_x(alpha, beta).

    By its continued fraction (Abramowitz and Stegun, 26.5.8), on the side of the mean where that
    converges fast.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (alpha + 1) / (alpha + beta + 2):
        return 1 - beta_cumulative(1 - x, beta, alpha)
    log_front = alpha * math.log(x) + beta * math.log1p(-x)
    log_front += math.lgamma(alpha + beta) - math.lgamma(alpha) - math.lgamma(beta)
    return math.exp(log_front) / alpha / _fraction(x, alpha, beta)


def _fraction(x: float, alpha: float, beta: float) -> float:
    """Sum 1 + d1 / (1 + d2 / (1 + ...)), from the inside."""
    value = 1.0
    # 100 pairs of terms reach double precision for every alpha and beta up to about 1000.
    for m in range(100, 0, -1):
        even = m * (beta - m) * x / ((alpha + 2 * m - 1) * (alpha + 2 * m))
        odd = -(alpha + m) * (alpha + beta + m) * x / ((alpha + 2 * m) * (alpha + 2 * m + 1))
        value = 1 + even / (1 + odd / value)
    return 1 - (alpha + beta) * x / (alpha + 1) / value
