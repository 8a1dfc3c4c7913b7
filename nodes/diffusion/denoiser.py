"""Estimates of the clean sample by a network: `denoise(x, sigma, conds) -> list[x0]`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nodes.diffusion.conditions import Box, Prompt, Prompts, active
from nodes.diffusion.control import FittedControl, residuals
from nodes.diffusion.network_calls import is_joint, predict, text_width, told
from nodes.diffusion.patches import Call, patched
from nodes.errors import NodeError
from nodes.types import Model

# Repeating a text's tokens changes nothing where the picture attends to the text alone, but costs:
# texts of unlike lengths share a call up to this many repetitions.
MOST_REPEATS = 4


@dataclass(frozen=True, eq=False)
class _Job:
    """One prompt to be computed for one group, on its part of the latent."""

    group: int
    prompt: Prompt
    x: Tensor

    def fits(self, other: "_Job", most_repeats: int) -> bool:
        """Say whether both can be computed in one call, texts repeated so often at the most."""
        if self.x.shape != other.x.shape or self.prompt.extras.keys() != other.prompt.extras.keys():
            return False
        if (self.prompt.pooled is None) != (other.prompt.pooled is None):
            return False
        # One call of a ControlNet is for one set of hints, on one place.
        if self.prompt.controls != other.prompt.controls:
            return False
        if self.prompt.controls and self.prompt.box != other.prompt.box:
            return False
        one, two = self.prompt.embeds.shape[1], other.prompt.embeds.shape[1]
        return math.lcm(one, two) <= most_repeats * min(one, two)


def denoise(
    model: Model, x: Tensor, sigma: float, groups: Sequence[Prompts], *, batched: bool = True
) -> list[Tensor]:
    """Estimate the clean sample under each of several groups of prompts.

    Within a group, prompts that overlap are averaged by their weights.

    Args:
        model: Its network, where `x` is.
        x: (B, C, h, w) float32, at the noise level `sigma`.
        sigma: One level for the batch.
        groups: Such as positive and negative.
        batched: Compute what has the same shape in one call: faster, and more memory.

    Returns:
        For each group (B, C, h, w) float32; zeros where it says nothing.
    """
    totals = [torch.zeros_like(x) for _ in groups]
    # Where nothing is said the quotient is 0, as it is everywhere in the field.
    counts = [torch.full_like(x[:, :1], 1e-37) for _ in groups]
    jobs = [
        _Job(place, prompt, x if prompt.box is None else prompt.box.of(x))
        for place, prompts in enumerate(groups)
        for prompt in active(prompts, sigma)
    ]
    most_repeats = 1 if is_joint(model.network) else MOST_REPEATS
    for bundle in _bundles(jobs, most_repeats) if batched else [[job] for job in jobs]:
        for job, estimate in zip(bundle, _within_memory(model, bundle, sigma), strict=True):
            total, count = totals[job.group], counts[job.group]
            box = job.prompt.box
            weight = job.prompt.weight
            (total if box is None else box.of(total)).add_(estimate * weight)
            (count if box is None else box.of(count)).add_(weight)
    return [total / count for total, count in zip(totals, counts, strict=True)]


def _bundles(jobs: Sequence[_Job], most_repeats: int) -> list[list[_Job]]:
    bundles: list[list[_Job]] = []
    for job in jobs:
        for bundle in bundles:
            if all(job.fits(other, most_repeats) for other in bundle):
                bundle.append(job)
                break
        else:
            bundles.append([job])
    return bundles


def _within_memory(model: Model, jobs: Sequence[_Job], sigma: float) -> list[Tensor]:
    """Compute several jobs in one call, or in more where the device's memory is too small."""
    try:
        return list(_estimate(model, jobs, sigma))
    except torch.OutOfMemoryError:
        if len(jobs) == 1:
            raise
    # Outside of the handler, which would keep what the failed call held.
    half = len(jobs) // 2
    return [*_within_memory(model, jobs[:half], sigma), *_within_memory(model, jobs[half:], sigma)]


def _estimate(model: Model, jobs: Sequence[_Job], sigma: float) -> tuple[Tensor, ...]:
    """Call the network once for several jobs of the same shape."""
    x = torch.cat([job.x for job in jobs])
    batch = jobs[0].x.shape[0]
    dtype = next(model.network.parameters()).dtype
    length = math.lcm(*(job.prompt.embeds.shape[1] for job in jobs))
    embeds = [_batched(job.prompt.embeds, batch, x.device, dtype) for job in jobs]
    context = torch.cat([e.repeat(1, length // e.shape[1], 1) for e in embeds])
    wanted = text_width(model.network)
    if wanted is not None and context.shape[2] != wanted:
        raise NodeError(
            f"The prompt was encoded to {context.shape[2]} numbers a token, but the model reads "
            f"{wanted}.",
            "Encode the prompt with the text encoder that belongs to the model.",
            "conditioning.width",
        )
    added = {
        name: torch.cat([_batched(one, batch, x.device, one.dtype) for one in values])
        for name, values in _together([told(model.network, job.prompt) for job in jobs]).items()
    }
    scaled = model.sampling.input(x, torch.tensor(sigma)).to(dtype)
    timestep = model.sampling.timestep(torch.tensor(sigma)).to(x.device).expand(x.shape[0])
    controls = [c for c in jobs[0].prompt.controls if c.last <= sigma <= c.first]
    steered = residuals(
        controls,
        [_hint(jobs[0], c, model.latent_format.downscale, batch, len(jobs)) for c in controls],
        scaled,
        timestep,
        context,
        added,
    )
    beside = [_batched(b, batch, x.device, dtype) for b in map(_beside, jobs) if b is not None]
    if beside:
        scaled = torch.cat([scaled, torch.cat(beside)], dim=1)
    height, width = x.shape[-2:]
    call = Call(model.sampling, sigma, (height, width), tuple(job.group for job in jobs))
    with torch.no_grad(), patched(model, call):
        output = predict(model.network, scaled, timestep, context, added, steered)
    estimate = model.sampling.denoised(output.to(x.dtype), x, torch.tensor(sigma))
    return estimate.chunk(len(jobs))


def _hint(job: _Job, control: FittedControl, downscale: int, batch: int, jobs: int) -> Tensor:
    """Cut a hint to the prompt's place, and repeat it for several jobs of a batch."""
    hint, box = control.hint, job.prompt.box
    if box is not None:
        sides = (box.height, box.width, box.y, box.x)
        hint = Box(*(side * downscale for side in sides)).of(hint)
    return _batched(hint, batch, hint.device, hint.dtype).repeat(jobs, 1, 1, 1)


def _together(each: Sequence[dict[str, Tensor]]) -> dict[str, list[Tensor]]:
    return {name: [one[name] for one in each] for name in each[0]}


def _beside(job: _Job) -> Tensor | None:
    """Cut what an inpainting model reads beside the latent to the prompt's place."""
    beside = job.prompt.extras.get("beside")
    if not isinstance(beside, Tensor):
        return None
    return beside if job.prompt.box is None else job.prompt.box.of(beside)


def _batched(value: Tensor, batch: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Repeat (1|n, ...) to (batch, ...)."""
    value = value.to(device, dtype)
    times = math.ceil(batch / value.shape[0])
    return value.repeat(times, *[1] * (value.ndim - 1))[:batch]
