"""One sampling: from a latent, noise and a guider, through noise levels, by a solver."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings, fit_mask
from nodes.diffusion.guidance import guide_for
from nodes.diffusion.model_sampling import finish, start
from nodes.diffusion.noise import brownian_noise, initial_noise, step_noise
from nodes.diffusion.solvers import SOLVERS, Denoise, Path, Solver, Step
from nodes.errors import NodeError
from nodes.types import Guider, Latent, Noise, Sampler

# Schedules whose last step is so long in log sigma that solvers which lean forward along a line
# through noisy estimates inflate the result; up to this many steps it can be seen.
INFLATING_SCHEDULES = frozenset({"normal", "simple", "sgm_uniform", "linear_quadratic"})
INFLATING_SOLVERS = frozenset({"dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde"})
FEW_STEPS = 50


@dataclass(frozen=True, eq=False)
class Sampling:
    """What is to be sampled, and how.

    Attributes:
        guider: Its model is where the work is done.
        sampler: The solver.
        sigmas: (N + 1,) descending.
        noise: What the latent is covered with.
        latent: What is started from; its mask says where.
        step_seed: Seed of the noise that a solver adds at its steps; that of `noise` if not given.
        batched: Compute several conditionings in one call.
    """

    guider: Guider
    sampler: Sampler
    sigmas: Tensor
    noise: Noise
    latent: Latent
    step_seed: int | None = None
    batched: bool = True

    def __len__(self) -> int:
        """Count the steps."""
        return max(len(self.sigmas) - 1, 0)

    def steps(self) -> Iterator[Step]:
        """Make the steps, one after another; their `x` is in the model's own scale."""
        if len(self) == 0:
            return
        model = self.guider.model
        device = next(model.network.parameters()).device
        levels = [float(level) for level in self.sigmas]
        x0 = _with_channels(self.latent.samples, model.latent_format.channels).to(device)
        noise = self._noise(x0).to(device)
        prompts = fit_conditionings(
            self.guider.conditionings, model.sampling, x0, model.latent_format.downscale
        )
        guide = guide_for(self.guider, prompts, batched=self.batched)

        def guided(x: Tensor, sigma: float) -> Tensor:
            return guide(x, sigma)[0]

        denoise: Denoise = guided
        if self.latent.mask is not None:
            denoise = self._within_mask(guided, self.latent.mask.values, x0, noise)
        x = start(model.sampling, x0, noise, levels[0])
        yield from self._solve(denoise, x, levels)

    def latent_of(self, x: Tensor, sigma: float) -> Latent:
        """Turn a sample at a noise level into a latent on the wire."""
        samples = finish(self.guider.model.sampling, x, sigma).to("cpu", torch.float32)
        return Latent(samples, self.latent.mask, self.latent.batch_index)

    def _noise(self, x0: Tensor) -> Tensor:
        if self.noise.seed is None:
            return torch.zeros(x0.shape)
        return initial_noise(x0.shape, self.noise.seed, self.latent.batch_index)

    def _solve(self, denoise: Denoise, x: Tensor, levels: list[float]) -> Iterator[Step]:
        solver = solver_named(self.sampler.name)
        options = {**solver.options, **self.sampler.options}
        if not solver.noise:
            return solver.run(denoise, x, levels, **options)
        source = brownian_noise if solver.noise == "brownian" else step_noise
        seed = self.noise.seed if self.step_seed is None else self.step_seed
        draw = source(x, seed or 0)
        path = Path(flow=self.guider.model.sampling.prediction == "flow")
        return solver.run(denoise, x, levels, draw, path, **options)

    def _within_mask(self, denoise: Denoise, mask: Tensor, x0: Tensor, noise: Tensor) -> Denoise:
        """Hold on to the original outside of the mask.

        The model sees the original with noise there, and its estimate is replaced by the clean
        original: what is painted fits what stays.
        """
        height, width = x0.shape[-2:]
        inside = fit_mask(mask.to(x0.device), height, width, x0.shape[0])
        sampling = self.guider.model.sampling

        def denoise_inside(x: Tensor, sigma: float) -> Tensor:
            kept = sampling.noised(x0, noise, torch.tensor(sigma))
            denoised = denoise(x * inside + kept * (1 - inside), sigma)
            return denoised * inside + x0 * (1 - inside)

        return denoise_inside


def solver_named(name: str) -> Solver:
    """Find a solver.

    Raises:
        NodeError: If there is none of that name.
    """
    if name not in SOLVERS:
        raise NodeError(
            f"There is no sampler {name!r}.", f"Choose one of: {', '.join(SOLVERS)}.", "sampler"
        )
    return SOLVERS[name]


def inflation(solver: str, schedule: str, steps: int) -> str | None:
    """Warn of a solver and a schedule that leave too much noise in at few steps."""
    if solver in INFLATING_SOLVERS and schedule in INFLATING_SCHEDULES and steps <= FEW_STEPS:
        return (
            f"{solver} on the {schedule} schedule overshoots at {steps} steps: "
            "the picture gets too much contrast and grain."
        )
    return None


def _with_channels(samples: Tensor, channels: int) -> Tensor:
    """Give an empty latent the channels that the model has.

    Raises:
        NodeError: If the latent has others and is not empty.
    """
    if samples.shape[1] == channels:
        return samples
    if torch.count_nonzero(samples) > 0:
        raise NodeError(
            f"The latent has {samples.shape[1]} channels, but the model works on {channels}.",
            "Encode the picture with the VAE that belongs to the model.",
            "latent.channels",
        )
    return samples[:, :1].expand(-1, channels, -1, -1)
