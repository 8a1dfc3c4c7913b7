"""What is asked for where and when: conditionings fitted to the latent that is sampled."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.control import FittedControl, fit_control
from nodes.diffusion.adapters.hooks import HookedNetwork
from nodes.diffusion.model_sampling import sigma_at
from nodes.imaging.batches import as_many
from nodes.types import Area, Cond, Conditioning, ModelSampling, Plain

# An area's weight rises to 1 over this many latent cells inside each of its edges, or a quarter of
# its length if that is less, unless the edge is the picture's: no seams.
FEATHER = 8


@dataclass(frozen=True)
class Box:
    """A rectangle of the latent, in cells."""

    height: int
    width: int
    y: int
    x: int

    def of(self, x: Tensor) -> Tensor:
        """Cut the rectangle out of (..., H, W)."""
        return x[..., self.y : self.y + self.height, self.x : self.x + self.width]

    def holds(self, other: "Box") -> bool:
        """Say whether another rectangle lies within."""
        return (
            self.y <= other.y
            and self.x <= other.x
            and self.y + self.height >= other.y + other.height
            and self.x + self.width >= other.x + other.width
        )


@dataclass(frozen=True, eq=False)
class Prompt:
    """A part of a conditioning, on one latent.

    Attributes:
        embeds: (1|B, T, C).
        pooled: (1|B, P) or None.
        extras: See `Cond`.
        box: Where it is computed; None is everywhere.
        weight: Factor in the average of overlapping prompts: a number, or (1|B, 1, h, w) on `box`.
        first: The highest noise level at which it holds.
        last: The lowest.
        controls: What steers it by pictures.
        hooked: Whose estimate it takes instead of the model's; prompts under the same hooks share
            it.
        default: Whether it holds where the others do not.
    """

    embeds: Tensor
    pooled: Tensor | None
    extras: "Mapping[str, Tensor | Plain]"
    box: Box | None
    weight: Tensor | float
    first: float
    last: float
    controls: tuple[FittedControl, ...] = ()
    hooked: HookedNetwork | None = None
    default: bool = False


Prompts = tuple[Prompt, ...]


def fit_conditionings(
    conditionings: Sequence[Conditioning], sampling: ModelSampling, x: Tensor, downscale: int
) -> tuple[Prompts, ...]:
    """Fit conditionings to a latent `x` (B, C, h, w), and to one another.

    Where one of them asks for an area, each other one answers for the same area on its own, with
    what it asks for there: guidance compares like with like.
    """
    # One control may steer several prompts; it is fitted once, and stays one.
    parts = [part for conditioning in conditionings for part in conditioning.parts]
    controls = {
        control: fit_control(control, sampling, x, downscale)
        for control in {c for part in parts for c in part.controls}
    }
    hooked = {
        (hooks, model): HookedNetwork(hooks, sampling, model)
        for hooks, model in {(p.hooks, p.model) for p in parts if p.hooks or p.model}
    }
    fitted = [
        [
            replace(
                _fit(cond, sampling, x, downscale),
                controls=tuple(controls[control] for control in cond.controls),
                hooked=hooked.get((cond.hooks, cond.model)),
            )
            for cond in conditioning.parts
        ]
        for conditioning in conditionings
    ]
    wanted = [[prompt for prompt in prompts if prompt.box] for prompts in fitted]
    for place, prompts in enumerate(fitted):
        for other, asked in enumerate(wanted):
            if other != place:
                for prompt in asked:
                    prompts.extend(_answer(prompts, prompt))
    return tuple(tuple(prompts) for prompts in fitted)


def active(prompts: Prompts, sigma: float) -> Prompts:
    """Keep the prompts that hold at a noise level."""
    return tuple(prompt for prompt in prompts if prompt.last <= sigma <= prompt.first)


def weighed(prompts: Prompts, x: Tensor) -> list[tuple[Prompt, Tensor | float]]:
    """Give prompts that hold on `x` (B, C, h, w) with their weights.

    Those of defaults are multiplied by what the weights of all others leave of 1 at each place; if
    one of the others holds everywhere they are left out.
    """
    given = [(prompt, prompt.weight) for prompt in prompts if not prompt.default]
    # Told without a look at tensors, for which a device would be waited for.
    all_said = any(not isinstance(w, Tensor) and w >= 1 and p.box is None for p, w in given)
    if all_said or len(given) == len(prompts):
        return given
    left = torch.ones_like(x[:, :1])
    for prompt, weight in given:
        (left if prompt.box is None else prompt.box.of(left)).sub_(weight)
    left.clamp_(0, 1)
    for prompt in prompts:
        if prompt.default:
            here = left if prompt.box is None else prompt.box.of(left)
            given.append((prompt, here * prompt.weight))
    return given


def fit_mask(mask: Tensor, height: int, width: int, batch: int) -> Tensor:
    """Bring a mask (B, 1, H, W) to (1|batch, 1, height, width), repeating or leaving out."""
    if mask.shape[-2:] != (height, width):
        mask = nn.functional.interpolate(mask, (height, width), mode="bilinear")
    return mask if len(mask) == 1 else as_many(mask, batch)


def _fit(cond: Cond, sampling: ModelSampling, x: Tensor, downscale: int) -> Prompt:
    batch, _, height, width = x.shape
    box = None if cond.area is None else _box(cond.area, height, width, downscale)
    weight: Tensor | float = cond.strength
    if cond.mask is not None:
        mask = fit_mask(cond.mask.values.to(x.device), height, width, batch)
        if cond.mask_bounds:
            box = _bounds(mask)
        mask = mask if box is None else box.of(mask)
        weight = mask * (cond.mask_strength * cond.strength)
    elif box is not None:
        weight = _feathered(box, height, width).to(x.device) * cond.strength
    return Prompt(
        embeds=cond.embeds,
        pooled=cond.pooled,
        extras=cond.extras,
        box=box,
        weight=weight,
        first=sigma_at(sampling, cond.start),
        last=sigma_at(sampling, cond.end),
        default=cond.default,
    )


def _box(area: Area, height: int, width: int, downscale: int) -> Box:
    if area.relative:
        tall, wide = max(1, round(area.height * height)), max(1, round(area.width * width))
        y, x = round(area.y * height), round(area.x * width)
    else:
        tall, wide = int(area.height) // downscale, int(area.width) // downscale
        y, x = int(area.y) // downscale, int(area.x) // downscale
    # What reaches beyond the picture is cut; what begins beyond it is moved to its edge.
    y, x = min(y, height - 1), min(x, width - 1)
    return Box(max(1, min(tall, height - y)), max(1, min(wide, width - x)), y, x)


def _bounds(mask: Tensor) -> Box:
    """Find the rectangle of a mask's values above zero, of 8 cells a side at the least."""
    height, width = mask.shape[-2:]
    inside = (mask.abs().amax(dim=(0, 1)) > 0).nonzero()
    if len(inside) == 0:
        return Box(min(8, height), min(8, width), 0, 0)
    (top, left), (bottom, right) = inside.amin(dim=0).tolist(), inside.amax(dim=0).tolist()
    tall, wide = min(max(8, bottom - top + 1), height), min(max(8, right - left + 1), width)
    return Box(tall, wide, min(top, height - tall), min(left, width - wide))


def _feathered(box: Box, height: int, width: int) -> Tensor:
    """Make a weight (1, 1, h, w) that rises from the edges inside the picture."""
    rows = _ramp(box.height, box.y > 0, box.y + box.height < height)
    columns = _ramp(box.width, box.x > 0, box.x + box.width < width)
    return (rows[:, None] * columns[None, :])[None, None]


def _ramp(length: int, rises: bool, falls: bool) -> Tensor:
    weights = torch.ones(length)
    rise = min(FEATHER, length // 4)
    steps = torch.arange(1, rise + 1) / rise
    if rises:
        weights[: len(steps)] *= steps
    if falls:
        weights[length - len(steps) :] *= steps.flip(0)
    return weights


def _answer(prompts: Sequence[Prompt], asked: Prompt) -> list[Prompt]:
    """Give the prompt with which others answer for an area, unless one has that area already.

    It is steered as what it answers: guidance then follows from the texts alone, as in the field.
    """
    if asked.box is None:
        return []
    fitting = [prompt for prompt in prompts if prompt.box is None or prompt.box.holds(asked.box)]
    if not fitting:
        return []
    near = min(fitting, key=lambda p: math.inf if p.box is None else p.box.height * p.box.width)
    if near.box == asked.box:
        return []
    return [
        replace(
            asked,
            embeds=near.embeds,
            pooled=near.pooled,
            extras=near.extras,
            hooked=near.hooked,
        )
    ]
