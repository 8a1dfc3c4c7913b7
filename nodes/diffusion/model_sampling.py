"""How a network's output and its timesteps relate to noise levels.

Everything that samples sees one model: `x = x0 + sigma * noise` ("variance exploding"), or for flow
models `x = (1 - sigma) * x0 + sigma * noise`. What the network was trained to predict, how its
input is scaled and which timestep a noise level is called by ends here.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor

from nodes.diffusion.betas import BetaSchedule, betas, with_zero_snr
from nodes.diffusion.cosine_time import cosine_sigma, cosine_time
from nodes.types import ModelSampling as AnyModelSampling

Prediction = Literal["epsilon", "v_prediction", "sample", "flow", "edm", "consistency", "image"]
Clock = Literal["steps", "log", "angle", "cosine"]

# Timesteps of flow models run to this number, however fine the table of levels is.
FLOW_TIMESTEPS = 1000

# What consistency models were distilled with: the spread of their data, and a factor on timesteps.
CONSISTENCY_SPREAD, CONSISTENCY_TIME = 0.5, 10


@dataclass(frozen=True, eq=False)
class ModelSampling:
    """The noise levels that a network knows, and what it predicts at them.

    Attributes:
        prediction: What the network returns: the noise, the velocity, the clean sample, or (flow)
            noise minus sample; a mix of input and sample that keeps its variance (edm); the noise,
            of which a consistency model makes its sample; or the clean sample of a network that
            takes its input as it is (image).
        sigmas: (N,) float64, ascending; discrete training steps, or a fine table of a continuous
            range.
        shift: Of flow models: sigma = shift * t / (1 + (shift - 1) * t). Of a cosine's schedule: a
            factor on the levels of its times, whatever the network is told of a level.
        clock: How timesteps name noise levels, other than of a flow: as the place in the table, as
            log(sigma) / 4, as the angle 2 / pi * atan(sigma), or as the time, from 1 to 0, of a
            schedule that is a cosine.
        stride: Timesteps from one place in the table to the next, of models distilled to a few.
        data_spread: Standard deviation of the data that the network was trained on.
    """

    prediction: Prediction
    sigmas: Tensor
    shift: float = 1.0
    clock: Clock = "steps"
    stride: int = 1
    data_spread: float = 1.0

    @classmethod
    def from_betas(
        cls,
        schedule: BetaSchedule = "scaled_linear",
        beta_start: float = 0.00085,
        beta_end: float = 0.012,
        steps: int = 1000,
        *,
        prediction: Prediction = "epsilon",
        zero_snr: bool = False,
    ) -> Self:
        """Make the noise levels of a model trained on `steps` discrete steps; see `betas`.

        `zero_snr` rescales them so that the last step is pure noise; see `with_zero_snr`.
        """
        alphas = torch.cumprod(1 - betas(schedule, beta_start, beta_end, steps), dim=0)
        sigmas = ((1 - alphas) / alphas).sqrt()
        return cls(prediction, with_zero_snr(sigmas) if zero_snr else sigmas)

    @classmethod
    def from_flow(cls, shift: float = 1.0, steps: int = 1000) -> Self:
        """Make the noise levels of a rectified flow, Esser et al. 2024, arXiv:2403.03206, 5.3.2."""
        t = torch.arange(1, steps + 1, dtype=torch.float64) / steps
        return cls("flow", shift * t / (1 + (shift - 1) * t), shift)

    @classmethod
    def from_cosine(cls, shift: float = 1.0, steps: int = 1000) -> Self:
        """Make the noise levels of a network that is told the time of a cosine's schedule.

        Nichol and Dhariwal 2021, arXiv:2102.09672, equation 17, between shares of the signal; the
        shift is that of Hoogeboom et al. 2023, simple diffusion, arXiv:2301.11093, 2.1.
        """
        times = torch.arange(1, steps + 1, dtype=torch.float64) / steps
        # Of the last times, which have one level, there is one.
        levels = cosine_sigma(times, shift)
        levels = levels[: int((levels < levels[-1]).sum()) + 1]
        return cls("epsilon", levels, shift, clock="cosine")

    @classmethod
    def continuous(
        cls,
        prediction: Prediction,
        sigma_min: float,
        sigma_max: float,
        clock: Clock = "log",
        data_spread: float = 1.0,
    ) -> Self:
        """Make the noise levels of a network that was trained on all of a range.

        Karras et al. 2022, arXiv:2206.00364, table 1; the angle is that of Salimans and Ho 2022,
        arXiv:2202.00512, appendix D.
        """
        ends = math.log(sigma_min), math.log(sigma_max)
        sigmas = torch.linspace(*ends, 1000, dtype=torch.float64).exp()
        return cls(prediction, sigmas, clock=clock, data_spread=data_spread)

    @property
    def sigma_min(self) -> float:
        """The lowest noise level that the network was trained on."""
        return float(self.sigmas[0])

    @property
    def sigma_max(self) -> float:
        """The highest noise level that the network was trained on."""
        return float(self.sigmas[-1])

    def timestep(self, sigma: Tensor | float) -> Tensor:
        """Name a noise level as the network does.

        A network of discrete steps is given the nearest step in log sigma, since it has seen no
        other; a flow network takes sigma itself, in units of the table's length.
        """
        level = torch.as_tensor(sigma, dtype=torch.float64)
        if self.prediction == "flow":
            return level * FLOW_TIMESTEPS
        if self.clock == "log":
            return level.log() / 4
        if self.clock == "angle":
            return level.atan() * (2 / math.pi)
        if self.clock == "cosine":
            return cosine_time(level)
        table = self._logs().to(level.device)
        place = (level.float().log().unsqueeze(-1) - table).abs().argmin(dim=-1).to(torch.float64)
        return place * self.stride + (self.stride - 1)

    def sigma(self, timestep: Tensor | float) -> Tensor:
        """Give the noise level of a timestep, which need not be whole: float64."""
        t = torch.as_tensor(timestep, dtype=torch.float64)
        if self.prediction == "flow":
            t = t / FLOW_TIMESTEPS
            return self.shift * t / (1 + (self.shift - 1) * t)
        if self.clock == "log":
            return (4 * t).exp()
        if self.clock == "angle":
            return (t * (math.pi / 2)).tan()
        if self.clock == "cosine":
            return cosine_sigma(t, self.shift)
        table = self._logs().to(t.device)
        t = ((t - (self.stride - 1)) / self.stride).clamp(0, len(table) - 1)
        low, high = t.floor().long(), t.ceil().long()
        weight = (t - low).float()
        return ((1 - weight) * table[low] + weight * table[high]).exp().double()

    def _logs(self) -> Tensor:
        """Take the logarithms of the table in float32.

        Where a level lies half-way between two steps, as in the middle of even timesteps, rounding
        says which is the nearest: to agree with the field is to round as it does.
        """
        return self.sigmas.log().float()

    def input(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Scale `x` (B, ...) to what the network was trained on: x / sqrt(d^2 + sigma^2).

        That is c_in of Karras et al. 2022, arXiv:2206.00364, table 1, d being the data's spread;
        with d = 1 it is the variance-preserving sample of DDPM. A flow's `x` needs none.
        """
        if self.prediction in ("flow", "image"):
            return x
        return x / _beside(self.data_spread**2 + torch.as_tensor(sigma) ** 2, x).sqrt()

    def denoised(self, output: Tensor, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Turn the network's output for `x` at `sigma` (a number, or (B,)) into an estimate of x0.

        With s for sigma and d for the data's spread:

            epsilon, flow         x0 = x - s * output
            sample, image         x0 = output
            edm                   x0 = d^2 / (d^2 + s^2) * x + s * d / sqrt(d^2 + s^2) * output
            v_prediction          x0 = d^2 / (d^2 + s^2) * x - s * d / sqrt(d^2 + s^2) * output
            consistency           as epsilon, then mixed with x; see `_consistent`

        The velocity v = (noise - s * x0) / sqrt(1 + s^2) is that of Salimans and Ho 2022,
        arXiv:2202.00512, appendix D; "edm" is c_skip and c_out of Karras et al. 2022,
        arXiv:2206.00364, table 1.
        """
        s = _beside(torch.as_tensor(sigma), x)
        if self.prediction in ("sample", "image"):
            return output
        if self.prediction in ("v_prediction", "edm"):
            spread = self.data_spread
            total = spread**2 + s**2
            sign = 1 if self.prediction == "edm" else -1
            return x * (spread**2 / total) + sign * output * (s * spread / total.sqrt())
        if self.prediction == "consistency":
            return self._consistent(x - s * output, x, sigma)
        return x - s * output

    def _consistent(self, x0: Tensor, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Mix estimate and input so that a sample without noise stays as it is.

        Song et al. 2023, arXiv:2303.01469, appendix C; Luo et al. 2023, arXiv:2310.04378, with its
        scale of time.
        """
        time = _beside(self.timestep(sigma) * CONSISTENCY_TIME, x)
        total = time**2 + CONSISTENCY_SPREAD**2
        return x0 * (time / total.sqrt()) + self.input(x, sigma) * (CONSISTENCY_SPREAD**2 / total)

    def noised(self, x0: Tensor, noise: Tensor, sigma: Tensor | float) -> Tensor:
        """Bring a clean sample to a noise level."""
        s = _beside(torch.as_tensor(sigma), x0)
        if self.prediction == "flow":
            return (1 - s) * x0 + s * noise
        return x0 + s * noise


def distilled(sampling: ModelSampling, count: int = 50) -> ModelSampling:
    """Keep every (N / count)th noise level: those that a consistency model was distilled on.

    Luo et al. 2023, Latent Consistency Models, arXiv:2310.04378, 4.3.
    """
    stride = len(sampling.sigmas) // count
    if stride == 0:
        raise ValueError(f"A table of {len(sampling.sigmas)} levels has no {count} to keep.")
    return replace(sampling, sigmas=sampling.sigmas[stride - 1 :: stride], stride=stride)


def flux_shift(
    width: int, height: int, *, base: float = 0.5, most: float = 1.15, patch: int = 16
) -> float:
    """Give the shift that Flux takes for a picture's size: more for larger ones.

    Black Forest Labs 2024 (Flux's published sampler), after Esser et al. 2024, arXiv:2403.03206,
    5.3.2: its logarithm is linear in the number of tokens, `base` for 256 and `most` for 4096.
    """
    tokens = width * height / patch**2
    return math.exp(base + (most - base) * (tokens - 256) / (4096 - 256))


def start(sampling: AnyModelSampling, x0: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """Make the first `x` of a sampling that starts at `sigma`.

    From the very top the result is given the variance 1 + sigma^2 that training showed the network,
    whatever the latent: the field's convention, by which an empty latent is one like any other.
    """
    if sampling.prediction != "flow" and sigma >= sampling.sigma_max * (1 - 1e-5):
        return x0 + noise * math.sqrt(1 + sigma**2)
    return sampling.noised(x0, noise, torch.tensor(sigma))


def finish(sampling: AnyModelSampling, x: Tensor, sigma: float) -> Tensor:
    """Turn the last `x`, at `sigma`, into a latent that a later sampling can go on from.

    Flow models mix the sample in by (1 - sigma), which `start` does again.
    """
    if sampling.prediction == "flow" and 0 < sigma < 1:
        return x / (1 - sigma)
    return x


def sigma_at(sampling: AnyModelSampling, fraction: float) -> float:
    """Give the noise level at a fraction of the timesteps, 0 the most noise and 1 none.

    The ends are infinite and zero, so that a range from 0 to 1 holds every level.
    """
    if fraction <= 0:
        return math.inf
    if fraction >= 1:
        return 0.0
    if sampling.clock != "steps":
        # Timesteps of continuous models have no common end: the way is even in log sigma.
        return math.exp(
            math.log(sampling.sigma_max) * (1 - fraction) + math.log(sampling.sigma_min) * fraction
        )
    top = sampling.timestep(torch.tensor(sampling.sigma_max, dtype=torch.float64))
    return float(sampling.sigma(top * (1 - fraction)))


def _beside(values: Tensor, x: Tensor) -> Tensor:
    """Shape one value an element so that it multiplies `x` (B, ...), in its dtype and place."""
    values = values.to(x.device, x.dtype)
    return values.reshape(-1, *[1] * (x.ndim - 1)) if values.ndim else values
