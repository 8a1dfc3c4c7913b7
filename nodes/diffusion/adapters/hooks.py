"""Changes of weights that hold for some prompts alone, and by time.

What is changed is a copy that shares all other weights, so that lifting a change is going back to
what was there, bit by bit. A copy lasts as long as its strengths.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any

from torch import nn

from nodes.diffusion.adapters.lora import TEXT_NAMES, clip_with_lora, model_with_lora
from nodes.diffusion.adapters.merging import Factors, merged_clips, merged_models
from nodes.diffusion.model_sampling import sigma_at
from nodes.diffusion.patches.patch import remembering
from nodes.errors import FileProblem
from nodes.types import Clip, ClipHooks, Hook, Lora, Model, ModelSampling


class HookedNetwork:
    """A denoiser under hooks, for one sampling: changed anew where their strengths change.

    Args:
        hooks: The changes.
        sampling: The denoiser's noise levels, at some of which keyframes begin.
        instead: What is changed instead of the denoiser that is sampled with.
    """

    def __init__(
        self, hooks: Sequence[Hook], sampling: ModelSampling, instead: Model | None = None
    ) -> None:
        self.instead = None if instead is None else remembering(instead)
        self._hooks = tuple(hooks)
        starts = {frame.start for hook in hooks for frame in hook.keyframes.frames}
        # From the beginning of the sampling on: each fraction, and the level at which it begins.
        self._begins = [(0.0, float("inf")), *((s, sigma_at(sampling, s)) for s in sorted(starts))]
        self._made: tuple[nn.Module, tuple[float, ...], nn.Module] | None = None

    def of(self, model: Model, sigma: float) -> Model:
        """Give the denoiser as it is at a noise level."""
        model = self.instead or model
        now = max(fraction for fraction, level in self._begins if sigma <= level)
        strengths = tuple(hook.strength_model * hook.keyframes.at(now) for hook in self._hooks)
        made = self._made
        if made is None or made[0] is not model.network or made[1] != strengths:
            # The one that was there goes first, for there may be no room for both.
            self._made = made = None
            changed = model_with_hooks(model, self._hooks, strengths).network
            self._made = made = (model.network, strengths, changed)
        return replace(model, network=made[2])


def model_with_hooks(model: Model, hooks: Sequence[Hook], strengths: Sequence[float]) -> Model:
    """Change a denoiser's weights by hooks.

    Args:
        model: Stays as it is.
        hooks: Models go first, each by its difference from the given one; then LoRAs, in order.
        strengths: How far each of them changes it.

    Raises:
        FileProblem: If a LoRA has no change for it.
        NodeError: If a model is of another kind.
    """
    pairs = list(zip(hooks, strengths, strict=True))
    others = [(hook.model, s) for hook, s in pairs if isinstance(hook.model, Model) and s != 0]
    if others:
        models, factors, told = _towards(model, others)
        model = merged_models(models, factors, told)
    for hook, strength in pairs:
        if isinstance(hook.model, Lora) and strength != 0:
            model, used = model_with_lora(model, hook.model, strength)
            if not used and not any(name.startswith(TEXT_NAMES) for name in hook.model.changes):
                raise FileProblem(
                    f"{hook.model.name} changes nothing in this model.",
                    "It was made for another family of models.",
                    "lora.family",
                )
    return model


def clip_with_hooks(clip: Clip, hooks: Sequence[Hook], strengths: Sequence[float]) -> Clip:
    """Change the weights of text encoders by hooks; see `model_with_hooks`."""
    pairs = list(zip(hooks, strengths, strict=True))
    others = [(hook.clip, s) for hook, s in pairs if isinstance(hook.clip, Clip) and s != 0]
    if others:
        clips, factors, told = _towards(clip, others)
        clip = merged_clips(clips, factors, told)
    for hook, strength in pairs:
        if isinstance(hook.clip, Lora) and strength != 0:
            clip, _ = clip_with_lora(clip, hook.clip, strength)
    return clip


def _towards(own: Any, others: Sequence[tuple[Any, float]]) -> tuple[tuple[Any, ...], Factors, str]:
    """Give what is to be summed for own + s * (other - own) + ..., and the factors."""
    shares = (1 - sum(strength for _, strength in others), *(strength for _, strength in others))
    return (own, *(other for other, _ in others)), lambda _: shares, f"hooks{shares}"


def encoders_by_time(clip: Clip) -> Iterator[tuple[Clip, dict[str, Any]]]:
    """Give text encoders under their hooks, as they are in each part of a sampling.

    Args:
        clip: Stays as it is.

    Yields:
        The changed text encoders, and what `Cond` is told: from when to when what they say holds,
        and which hooks hold for the denoiser then.
    """
    if clip.hooks is None:
        yield clip, {}
        return
    hooks, plain = clip.hooks.hooks, replace(clip, hooks=None)
    on_prompts = {"hooks": hooks} if clip.hooks.on_prompts else {}
    for start, end, strengths in _stretches(clip.hooks):
        when = {} if (start, end) == (0, 1) else {"start": start, "end": end}
        yield clip_with_hooks(plain, hooks, strengths), {**when, **on_prompts}


def _stretches(given: ClipHooks) -> Iterator[tuple[float, float, tuple[float, ...]]]:
    """Part a sampling where strengths change: from, to, and the strength of each hook."""
    if not given.by_time:
        yield 0.0, 1.0, tuple(hook.strength_clip for hook in given.hooks)
        return
    starts = {frame.start for hook in given.hooks for frame in hook.keyframes.frames}
    bounds = sorted({0.0, 1.0} | {s for s in starts if 0 < s < 1})
    parts = [
        (start, end, tuple(hook.strength_clip * hook.keyframes.at(start) for hook in given.hooks))
        for start, end in pairwise(bounds)
    ]
    for strengths, alike in groupby(parts, key=lambda part: part[2]):
        together = list(alike)
        yield together[0][0], together[-1][1], strengths
