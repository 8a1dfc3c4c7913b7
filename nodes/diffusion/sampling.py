"""One sampling: from a latent, noise and a guider, through noise levels, by a solver.

    latent and noise -> start -> solver, which asks the guide at its levels -> finish -> latent

A mask stands between solver and guide: where it is 0, the guide is shown the original under noise,
and the solver is given the original.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings, fit_mask
from nodes.diffusion.guidance import guide_for
from nodes.diffusion.inputs.model_inputs import completed
from nodes.diffusion.latent_space import in_space
from nodes.diffusion.latents import CELL
from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.model_sampling import finish, sigma_at, start
from nodes.diffusion.noise import initial_noise, noise_for
from nodes.diffusion.patches.patch import MaskPatch
from nodes.diffusion.solvers import SOLVERS, Estimate, Path, Solver, Step, Steps
from nodes.errors import NodeError
from nodes.types import Guider, Latent, LatentFormat, Model, ModelSampling, Noise, Sampler

# Schedules with a step near the end that is much longer in log sigma than the one before it, and up
# to how many steps it can be seen that solvers which lean forward along a line through noisy
# estimates inflate the result there: by an eighth of its spread at 20 steps, or by far more.
INFLATING_SCHEDULES: Mapping[str, int] = MappingProxyType(
    {"normal": 50, "ddim_uniform": 50, "kl_optimal": 20}
)
INFLATING_SOLVERS = frozenset(
    {
        "dpmpp_2m_sde",
        "dpmpp_2m_sde_heun",
        "dpmpp_3m_sde",
        "res_multistep_ancestral",
        "res_multistep_ancestral_cfg_pp",
    }
)


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
        drawn: The first noise itself, where it is cut from a larger one; like the latent's samples.
    """

    guider: Guider
    sampler: Sampler
    sigmas: Tensor
    noise: Noise
    latent: Latent
    step_seed: int | None = None
    drawn: Tensor | None = None

    @property
    def count(self) -> int | None:
        """Count the steps; None if the solver decides how many there are."""
        return max(len(self.sigmas) - 1, 0) if self.solver.counted else None

    @property
    def solver(self) -> Solver:
        """Find the solver.

        Raises:
            NodeError: If there is none of that name.
        """
        if self.sampler.name not in SOLVERS:
            raise NodeError(
                f"There is no sampler {self.sampler.name!r}.",
                f"Choose one of: {', '.join(SOLVERS)}.",
                "sampler.unknown",
            )
        return SOLVERS[self.sampler.name]

    def steps(self) -> Iterator[Step]:
        """Make the steps, one after another; their `x` is in the model's own scale."""
        levels = [float(level) for level in self.sigmas]
        if len(levels) < 2:
            return
        self._check(levels)
        model = self.guider.model
        device, _ = work_place(model.network)
        space = model.latent_format
        x0 = _in_form(in_space(self.latent, space), space).to(device)
        noise = self._noise(x0).to(device)
        given = completed(self.guider.conditionings, model, replace(self.latent, samples=x0))
        prompts = fit_conditionings(given, model.sampling, x0, space.downscale)
        always = self.solver.guided
        estimate = guide_for(self.guider, prompts, both=always)
        if self.latent.mask is not None:
            estimate = self._within_mask(estimate, self.latent.mask.values, x0, noise, levels)
        x = start(model.sampling, x0, noise, levels[0])
        yield from self._solve(estimate, x, levels)

    def latent_of(self, x: Tensor, sigma: float) -> Latent:
        """Turn a sample at a noise level into a latent on the wire."""
        samples = finish(self.guider.model.sampling, x, sigma).to("cpu", torch.float32)
        space = self.guider.model.latent_format
        return Latent(samples, self.latent.mask, self.latent.batch_index, space)

    def _check(self, levels: list[float]) -> None:
        falling = all(low < high for high, low in pairwise(levels))
        rising = all(low < high for low, high in pairwise(levels))
        if not (falling or rising) or min(*levels[:-1], levels[0]) <= 0 or levels[-1] < 0:
            raise NodeError(
                "The noise levels must fall from step to step, and only the last may be 0.",
                "Look at what makes or changes the sigmas.",
                "sigmas.order",
            )
        options = {**self.solver.options, **self.sampler.options}
        if rising and self.solver.noise and options.get("eta", 1) != 0:
            raise NodeError(
                f"{self.sampler.name} adds noise, so it cannot go up through rising noise levels.",
                "Choose a sampler without noise, such as euler or ddim.",
                "sigmas.rising",
            )

    def _noise(self, x0: Tensor) -> Tensor:
        if self.drawn is not None:
            return self.drawn
        return _drawn(self.noise, x0, self.latent)

    def _solve(self, estimate: Estimate, x: Tensor, levels: list[float]) -> Steps:
        solver, sampling = self.solver, self.guider.model.sampling
        options = {**solver.options, **self.sampler.options}

        def denoise(x: Tensor, sigma: float) -> Tensor:
            return estimate(x, sigma)[0]

        ask = estimate if solver.guided else denoise
        if not solver.noise:
            return solver.run(ask, x, levels, **options)
        if solver.noisy is not None:
            first, last = (sigma_at(sampling, fraction) for fraction in solver.noisy)
            options = {"noisy_from": first, "noisy_to": last, **options}
        seed = (self.noise.seed if self.step_seed is None else self.step_seed) or 0
        draw = noise_for(solver.noise, x, seed, levels)
        # A ten-thousandth of the way down, by the field's convention.
        flow = sampling.prediction == "flow"
        path = Path(True, sigma_at(sampling, 1e-4)) if flow else Path()
        return solver.run(ask, x, levels, draw, path, **options)

    def _within_mask(
        self, estimate: Estimate, mask: Tensor, x0: Tensor, noise: Tensor, levels: list[float]
    ) -> Estimate:
        """Hold on to the original outside of the mask.

        The model sees the original with noise there, and its estimate is replaced by the clean
        original: what is painted fits what stays.
        """
        height, width = x0.shape[-2:]
        fitted = fit_mask(mask.to(x0.device), height, width, x0.shape[0])
        sampling = self.guider.model.sampling
        patches = [p for p in self.guider.model.patches if isinstance(p, MaskPatch)]

        def estimate_inside(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
            inside = fitted
            for patch in patches:
                begun = (fitted >= _remaining(sampling, levels, sigma)) & (fitted > 0)
                inside = torch.lerp(inside, begun.to(inside), patch.strength)
            kept = sampling.noised(x0, noise, torch.tensor(sigma))
            denoised, other = estimate(x * inside + kept * (1 - inside), sigma)
            return denoised * inside + x0 * (1 - inside), other

        return estimate_inside


def _remaining(sampling: ModelSampling, levels: list[float], sigma: float) -> float:
    """Say how much of a sampling is left at a noise level, as a share of its timesteps.

    Levin and Fried 2023, Differential Diffusion, arXiv:2306.00950, algorithm 1: a place begins to
    change when no more is left than its share of change.
    """
    ends = (levels[0], max(levels[-1], sampling.sigma_min), sigma)
    first, last, now = (float(sampling.timestep(torch.tensor(end))) for end in ends)
    return (now - last) / (first - last) if first != last else 1.0


def noised(model: Model, noise: Noise, sigmas: Tensor, latent: Latent) -> Latent:
    """Cover a latent with noise, for a sampling that goes on from there and adds none.

    Args:
        model: Its noise levels are used.
        noise: What the latent is covered with.
        sigmas: (N,), N > 0: the noise is that between the first level and the last.
        latent: What is covered.
    """
    x0 = _in_form(in_space(latent, model.latent_format), model.latent_format)
    sigma = abs(float(sigmas[0] - sigmas[-1])) if len(sigmas) > 1 else float(sigmas[0])
    x = model.sampling.noised(x0, _drawn(noise, x0, latent), torch.tensor(sigma))
    return replace(latent, samples=finish(model.sampling, x, sigma), space=model.latent_format)


def _drawn(noise: Noise, x0: Tensor, latent: Latent) -> Tensor:
    if noise.seed is None:
        return torch.zeros(x0.shape)
    return initial_noise(x0.shape, noise.seed, latent.batch_index)


def inflation(solver: str, schedule: str, steps: int) -> str | None:
    """Warn of a solver and a schedule that leave too much noise in at few steps."""
    named = solver.removesuffix("_gpu") in INFLATING_SOLVERS
    if named and steps <= INFLATING_SCHEDULES.get(schedule, 0):
        return (
            f"{solver} on the {schedule} schedule overshoots at {steps} steps: "
            "the picture gets too much contrast and grain."
        )
    return None


def _in_form(samples: Tensor, space: LatentFormat) -> Tensor:
    """Give an empty latent the channels and the cells of the model's space.

    An empty latent of other channels has cells of 8 pixels, whatever the model's have.

    Raises:
        NodeError: If the latent has others and is not empty.
    """
    if samples.shape[1] == space.channels:
        return samples
    if torch.count_nonzero(samples) > 0:
        raise NodeError(
            f"The latent has {samples.shape[1]} channels, but the model works on {space.channels}.",
            "Encode the picture with the VAE that belongs to the model.",
            "latent.channels",
        )
    height, width = (side * CELL // space.downscale for side in samples.shape[-2:])
    return samples.new_zeros(len(samples), space.channels, height, width)
