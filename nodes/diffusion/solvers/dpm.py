"""DPM-Solver: singlestep exponential integrators on log sigma, in terms of the noise.

With t = -log sigma and noise = (x - denoised) / sigma, a step of length h is exactly

    x(t + h) = x(t) - e^-(t + h) * integral over s from 0 to h of e^(h - s) noise(t + s) ds

(Lu et al. 2022, arXiv:2206.00927, proposition 3.1). Unlike the other solvers these two choose their
own levels between the first and the last above 0, and end there; a single step to 0 is Euler's.
"""

import math
from dataclasses import dataclass

from torch import Tensor

from nodes.diffusion.noise import Draw
from nodes.diffusion.solvers.exponential import phi_1, phi_2
from nodes.diffusion.solvers.runge_kutta import euler
from nodes.diffusion.solvers.step import Denoise, Levels, Path, Step, Steps


def dpm_fast(denoise: Denoise, x: Tensor, sigmas: Levels) -> Steps:
    """Spend N evaluations on steps of third order, and what is left on one or two of lower order.

    The paper's DPM-Solver-fast: levels even in log sigma, whatever the schedule.
    """
    count = len(sigmas) - 1
    first, last = _ends(sigmas)
    if first == last:
        yield from euler(denoise, x, sigmas)
        return
    orders = [3] * (count // 3)
    rest = count % 3
    orders = [*orders[:-1], 2, 1] if rest == 0 else [*orders, rest]
    length = (last - first) / len(orders)
    for i, order in enumerate(orders):
        t, h = first + i * length, length
        solution = _Solution(denoise, x, t)
        x = solution.at(h, order)
        yield Step(i, math.exp(-t), x, solution.denoised)


def dpm_adaptive(
    denoise: Denoise,
    x: Tensor,
    sigmas: Levels,
    draw: Draw,
    path: Path,
    *,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h_init: float = 0.05,
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: float = 0.81,
    eta: float = 0.0,
    s_noise: float = 1.0,
) -> Steps:
    """Choose steps so that solutions of two orders agree, whatever the number of steps asked for.

    The paper's DPM-Solver-12 and -23, with the PID controller of Soderlind 2003, Digital filters in
    adaptive time-stepping. `rtol` and `atol` bound the difference.
    """
    t, last = _ends(sigmas)
    if t == last:
        yield from euler(denoise, x, sigmas)
        return
    controller = _Controller(
        (pcoeff + icoeff + dcoeff, -(pcoeff + 2 * dcoeff), dcoeff),
        1.5 if eta > 0 else float(order),
        accept_safety,
    )
    step, index, before = h_init, 0, x
    while t < last - 1e-5:
        end = min(last, t + step)
        down, scale, up = path.ancestral(math.exp(-t), math.exp(-end), eta)
        h = min(last, -math.log(down)) - t
        solution = _Solution(denoise, x, t)
        low, high = solution.at(h, order - 1, 1 / 3), solution.at(h, order)
        bound = (rtol * low.abs().maximum(before.abs())).clamp(min=atol)
        error = float(((low - high) / bound).square().mean().sqrt())
        accepted, factor = controller.judge(error)
        step *= factor
        if accepted:
            before = low
            x = scale * high
            if up > 0:
                x = x + draw(math.exp(-t), math.exp(-end)) * (s_noise * up)
            yield Step(index, math.exp(-t), x, solution.denoised)
            t, index = end, index + 1


@dataclass(eq=False)
class _Solution:
    """Steps of several orders from the same point, which share their evaluations."""

    denoise: Denoise
    x: Tensor
    t: float

    def __post_init__(self) -> None:
        sigma = math.exp(-self.t)
        self.denoised = self.denoise(self.x, sigma)
        self.noise = (self.x - self.denoised) / sigma
        self._stages: dict[tuple[float, float], Tensor] = {}

    def at(self, h: float, order: int, r: float | None = None) -> Tensor:
        """Go on by `h` in -log sigma; the middle of a step of second order is at `r`.

        With s for sigma at the end and eps for the noise at the start, the paper's solvers are

            1    x - s h phi_1(h) eps
            2    1 - s (e^h - 1) / (2 r) (eps(u) - eps), u being a step of order 1 to r h
            3    1 - s h phi_2(h) / r_2 (eps(u) - eps), u being a step to r_2 h that the noise at
                 r_1 h has bent; r_1 = 1/3 and r_2 = 2/3
        """
        if order == 1:
            return self._first(h)
        if order == 2:
            r = 0.5 if r is None else r
            change = self._stage(h, r) / r
            return self._first(h) - math.exp(-self.t - h) * math.expm1(h) / 2 * change
        r1, r2 = 1 / 3, 2 / 3
        bend = math.exp(-self.t - r2 * h) * (r2 * h) * phi_2(r2 * h) * (r2 / r1)
        u = self._first(r2 * h) - bend * self._stage(h, r1)
        change = (self._noise_at(u, r2 * h) - self.noise) / r2
        return self._first(h) - math.exp(-self.t - h) * h * phi_2(h) * change

    def _first(self, h: float) -> Tensor:
        return self.x - math.exp(-self.t - h) * h * phi_1(h) * self.noise

    def _stage(self, h: float, r: float) -> Tensor:
        """Give the change of the noise up to a fraction of the step."""
        if (h, r) not in self._stages:
            self._stages[h, r] = self._noise_at(self._first(r * h), r * h) - self.noise
        return self._stages[h, r]

    def _noise_at(self, x: Tensor, h: float) -> Tensor:
        sigma = math.exp(-self.t - h)
        return (x - self.denoise(x, sigma)) / sigma


class _Controller:
    """Proposes how much longer the next step may be, from the errors of the last ones."""

    def __init__(self, gains: tuple[float, float, float], order: float, safety: float) -> None:
        self._powers = [gain / order for gain in gains]
        self._safety = safety
        self._inverse: list[float] = []

    def judge(self, error: float) -> tuple[bool, float]:
        """Say whether a step with this error is accepted, and how much longer the next may be."""
        inverse = 1 / (error + 1e-8)
        past = self._inverse or [inverse, inverse]
        product = math.prod(
            value**power for value, power in zip([inverse, *past], self._powers, strict=True)
        )
        # Soderlind and Wang 2006: a smooth limit on how fast the step may change.
        factor = 1 + math.atan(product - 1)
        accepted = factor >= self._safety
        if accepted:
            self._inverse = [inverse, past[0]]
        return accepted, factor


def _ends(sigmas: Levels) -> tuple[float, float]:
    last = sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
    return -math.log(sigmas[0]), -math.log(last)
