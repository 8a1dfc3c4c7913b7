"""Estimates of the clean sample by a network, under several groups of prompts at once.

All that has the same shape shares one call of the network: the prompts of the positive and of the
negative group, and those for parts of the picture that are of one size.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.control import FittedControl, residuals
from nodes.diffusion.adapters.transformer_control import block_residuals
from nodes.diffusion.conditions import Prompt, Prompts, active, weighed
from nodes.diffusion.inputs.video import is_video
from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.network_calls import (
    added_conditions,
    counts_words,
    is_joint,
    predict,
    text_width,
)
from nodes.diffusion.patches.patch import Call, CallLimit, patched
from nodes.errors import NodeError
from nodes.imaging.batches import as_many
from nodes.types import Model, Plain

# Repeating a text's tokens changes nothing where the picture attends to the text alone, but costs:
# texts of unlike lengths share a call up to this many repetitions.
MOST_REPEATS = 4


@dataclass(frozen=True, eq=False)
class _Job:
    """One prompt to be computed for one group, on its part of the latent.

    Attributes:
        group: The place of the group.
        prompt: The prompt.
        weight: As that of the prompt, as it is at this noise level.
        x: (b, C, h, w), some pictures of the batch, on the prompt's box.
        batch: How many pictures the batch has.
        first: Which of them `x` begins with.
    """

    group: int
    prompt: Prompt
    weight: Tensor | float
    x: Tensor
    batch: int
    first: int

    @property
    def rows(self) -> slice:
        """Where its pictures are in the batch."""
        return slice(self.first, self.first + len(self.x))

    def given(self, value: Tensor, dtype: torch.dtype) -> Tensor:
        """Cut what is (1|n, ...) for the batch to the job's pictures, where they are."""
        return as_many(value.to(self.x.device, dtype), self.batch)[self.rows]

    def fits(self, other: "_Job", most_repeats: int) -> bool:
        """Say whether both can be computed in one call, texts repeated so often at the most."""
        if self.x.shape != other.x.shape or self.first != other.first:
            return False
        if _forms(self.prompt.extras) != _forms(other.prompt.extras):
            return False
        if (self.prompt.pooled is None) != (other.prompt.pooled is None):
            return False
        if self.prompt.hooked is not other.prompt.hooked:
            return False
        # One call of a ControlNet is for one set of hints.
        if self.prompt.controls != other.prompt.controls:
            return False
        one, two = self.prompt.embeds.shape[1], other.prompt.embeds.shape[1]
        return math.lcm(one, two) <= most_repeats * min(one, two)


def denoise(model: Model, x: Tensor, sigma: float, groups: Sequence[Prompts]) -> list[Tensor]:
    """Estimate the clean sample under each of several groups of prompts.

    Within a group, prompts that overlap are averaged by their weights. What has the same shape is
    computed in one call, unless a `CallLimit` of the model says otherwise.

    Args:
        model: Its network, where `x` is.
        x: (B, C, h, w) float32, at the noise level `sigma`.
        sigma: One level for the batch.
        groups: Such as positive and negative.

    Returns:
        For each group (B, C, h, w) float32; zeros where it says nothing.
    """
    totals = [torch.zeros_like(x) for _ in groups]
    # Where nothing is said the quotient is 0, as it is everywhere in the field.
    counts = [torch.full_like(x[:, :1], 1e-37) for _ in groups]
    limits = [patch.pictures for patch in model.patches if isinstance(patch, CallLimit)]
    most = min(limits, default=len(x) * max(1, sum(map(len, groups))))
    if is_video(model.network):
        # Frames are denoised together.
        most = max(most, len(x))
    jobs = list(_jobs(x, sigma, groups, most))
    others = [job.prompt.hooked.instead for job in jobs if job.prompt.hooked]
    networks = [each.network for each in (model, *others) if each]
    most_repeats = 1 if any(map(counts_words, networks)) else MOST_REPEATS
    bundles = _bundles(jobs, most_repeats, max(1, most // len(x)))
    # What is led away from goes first: some patches lead away within the network.
    for bundle in sorted(bundles, key=lambda jobs: -max(job.group for job in jobs)):
        for job, estimate in zip(bundle, _estimate(model, bundle, sigma), strict=True):
            total, count = totals[job.group][job.rows], counts[job.group][job.rows]
            box, weight = job.prompt.box, job.weight
            if isinstance(weight, Tensor) and len(weight) > 1:
                weight = weight[job.rows]
            (total if box is None else box.of(total)).add_(estimate * weight)
            (count if box is None else box.of(count)).add_(weight)
    return [total / count for total, count in zip(totals, counts, strict=True)]


def _jobs(x: Tensor, sigma: float, groups: Sequence[Prompts], most: int) -> Iterator[_Job]:
    """List what is to be computed, `most` pictures of the batch in each job."""
    parts = list(zip(range(0, len(x), most), torch.split(x, most), strict=True))
    for group, prompts in enumerate(groups):
        for prompt, weight in weighed(active(prompts, sigma), x):
            for first, part in parts:
                here = part if prompt.box is None else prompt.box.of(part)
                yield _Job(group, prompt, weight, here, len(x), first)


def _bundles(jobs: Sequence[_Job], most_repeats: int, most_jobs: int) -> list[list[_Job]]:
    bundles: list[list[_Job]] = []
    for job in jobs:
        for bundle in bundles:
            if len(bundle) < most_jobs and all(job.fits(other, most_repeats) for other in bundle):
                bundle.append(job)
                break
        else:
            bundles.append([job])
    return bundles


def _estimate(model: Model, jobs: Sequence[_Job], sigma: float) -> tuple[Tensor, ...]:
    """Call the network once for several jobs of the same shape; give each one's estimate."""
    hooked = jobs[0].prompt.hooked
    if hooked is not None:
        model = hooked.of(model, sigma)
    network, sampling, level = model.network, model.sampling, torch.tensor(sigma)
    _, dtype = work_place(network)
    x = torch.cat([job.x for job in jobs])
    scaled = sampling.input(x, level).to(dtype)
    # Found in double precision, which not every device has, and none of the networks reads.
    timestep = sampling.timestep(level).to(x.device, torch.float32).expand(len(x))
    context, added = _context(network, jobs, dtype), _added(network, jobs)
    controls = [c for c in jobs[0].prompt.controls if c.last <= sigma <= c.first]
    hints = [_hint(jobs[0], control, len(jobs)) for control in controls]
    told = (context, added)
    if controls:
        read = [replace(job, prompt=_read_by_controls(job.prompt)) for job in jobs]
        told = (_context(network, read, dtype), _added(network, read))
    if is_joint(network):
        steered = block_residuals(network, controls, hints, scaled, timestep, *told)
    else:
        steered = residuals(controls, hints, scaled, timestep, *told)
    concat = [job.given(c, dtype) for job in jobs if (c := _concat(job)) is not None]
    if concat:
        scaled = torch.cat([scaled, torch.cat(concat)], dim=1)
    call = Call(
        sampling=sampling,
        sigma=sigma,
        size=(x.shape[2], x.shape[3]),
        groups=tuple(job.group for job in jobs),
        first=jobs[0].first,
        names=tuple(id(job.prompt) for job in jobs),
    )
    with torch.no_grad(), patched(model, call):
        output = predict(network, scaled, timestep, context, added, steered)
    # What a network says of the variance comes behind, and has no part in an estimate.
    output = output[:, : x.shape[1]].to(x.dtype)
    return sampling.denoised(output, x, level).chunk(len(jobs))


def _read_by_controls(prompt: Prompt) -> Prompt:
    """Give a prompt with the text that what steers it reads, if that is another."""
    embeds, pooled = (prompt.extras.get(f"control_{name}") for name in ("embeds", "pooled"))
    if not isinstance(embeds, Tensor):
        return prompt
    return replace(prompt, embeds=embeds, pooled=pooled if isinstance(pooled, Tensor) else None)


def _context(network: nn.Module, jobs: Sequence[_Job], dtype: torch.dtype) -> Tensor:
    """Give the texts of all jobs (B, T, C), repeated to the same length.

    Raises:
        NodeError: If they were encoded for another model.
    """
    length = math.lcm(*(job.prompt.embeds.shape[1] for job in jobs))
    embeds = [job.given(job.prompt.embeds, dtype) for job in jobs]
    context = torch.cat([e.repeat(1, length // e.shape[1], 1) for e in embeds])
    wanted = text_width(network)
    if wanted is not None and context.shape[2] != wanted:
        raise NodeError(
            f"The prompt was encoded to {context.shape[2]} numbers a token, but the model reads "
            f"{wanted}.",
            "Encode the prompt with the text encoder that belongs to the model.",
            "conditioning.width",
        )
    return context


def _added(network: nn.Module, jobs: Sequence[_Job]) -> dict[str, Tensor]:
    """Give what all jobs tell the network beside their texts, by name."""
    each = [added_conditions(network, job.prompt) for job in jobs]
    return {
        name: torch.cat(
            [job.given(own[name], own[name].dtype) for job, own in zip(jobs, each, strict=True)]
        )
        for name in each[0]
    }


def _hint(job: _Job, control: FittedControl, jobs: int) -> Tensor:
    """Give a hint in the size of the prompt's place, and repeat it for several jobs of a batch."""
    height, width = job.x.shape[-2:]
    hint = control.hint(height, width)
    return job.given(hint, hint.dtype).repeat(jobs, 1, 1, 1)


def _forms(extras: "Mapping[str, Tensor | Plain]") -> dict[str, torch.Size | None]:
    return {n: v.shape[1:] if isinstance(v, Tensor) else None for n, v in extras.items()}


def _concat(job: _Job) -> Tensor | None:
    """Cut what an inpainting model reads beside the latent to the prompt's place."""
    concat = job.prompt.extras.get("concat")
    if not isinstance(concat, Tensor):
        return None
    return concat if job.prompt.box is None else job.prompt.box.of(concat)
