"""Guidance within attention: what a prompt makes of it is led away from what another makes of it.

Chen et al. 2025, Normalized Attention Guidance: Universal Negative Guidance for Diffusion Models,
arXiv:2505.21179. Models that were distilled to need no guidance follow a negative prompt by it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.patches.patch import (
    Call,
    Combine,
    Estimates,
    GuidancePatch,
    NetworkPatch,
    replaced,
)

# What was led away from made of attentions at a noise level, by their names, the first picture of
# the batch that it is for, and the shape.
_Kept = dict[tuple[float, str, int, torch.Size], Tensor]


def attention_guidance(scale: float, alpha: float, tau: float) -> GuidancePatch:
    """Make the patch.

    Args:
        scale: How far to go beyond what the prompt makes of attention; 1 goes nowhere.
        alpha: The share of the result; the rest is what the prompt makes by itself.
        tau: How many times as long as what the prompt makes the result may be.
    """
    return GuidancePatch(_as_it_is, watch=partial(_watch, scale, alpha, tau), both=True)


def normalised(
    positive: Tensor, negative: Tensor, scale: float, alpha: float, tau: float
) -> Tensor:
    """Lead (..., C) away from another, up to a length (the L1 norm), and mix with what it was."""
    led = positive * scale - negative * (scale - 1)
    own, length = (each.abs().sum(dim=-1, keepdim=True) for each in (positive, led))
    led = led * (tau * own / length.clamp(min=1e-12)).clamp(max=1)
    return torch.lerp(positive, led, alpha)


def _as_it_is(combine: Combine, estimates: Estimates) -> Tensor:
    return combine(estimates)


def _watch(
    scale: float, alpha: float, tau: float, memory: dict[str, Tensor], away: int
) -> NetworkPatch:
    guide = partial(normalised, scale=scale, alpha=alpha, tau=tau)
    return NetworkPatch(_guided, {"guide": guide, "away": away, "kept": {}})


@contextmanager
def _guided(
    network: Any,
    call: Call,
    *,
    guide: Callable[[Tensor, Tensor], Tensor],
    away: int,
    kept: _Kept,
) -> Iterator[None]:
    """Guide the attention of a call's parts; what is led away from may be of an earlier call."""
    if any(level != call.sigma for level, *_ in kept):
        kept.clear()

    def led(name: str, made: Tensor) -> Tensor:
        parts = list(made.chunk(len(call.groups)))
        place = (call.sigma, name, call.first, parts[0].shape)
        against = [part for part, group in zip(parts, call.groups, strict=True) if group == away]
        if against:
            kept[place] = torch.stack(against).mean(dim=0)
        if place in kept:
            for number, group in enumerate(call.groups):
                if group == 0 != away:
                    parts[number] = guide(parts[number], kept[place])
        return torch.cat(parts)

    with ExitStack() as stack:
        seen: list[int] = []
        for name, layer, in_sequence in guided_layers(network):
            change = partial(led, name)
            if in_sequence:
                change = partial(_of_picture, change, seen, layer.out_features)
            stack.enter_context(replaced(layer, "forward", _before(layer.forward, change)))
        if hasattr(network, "single_transformer_blocks"):
            hook = network.x_embedder.register_forward_hook(partial(_count, seen))
            stack.callback(hook.remove)
        yield


def guided_layers(network: Any) -> Iterator[tuple[str, Any, bool]]:
    """Find what takes the results of attention to the text, by name.

    In a U-Net that is the last projection of each cross-attention. In transformers text and picture
    attend to one another as one sequence; in the first blocks the picture's results have a
    projection of their own, in those of one stream they stand behind the text's, and before what
    the block computes beside: these are told by True.
    """
    for name, module in network.named_modules():
        crossing = getattr(module, "is_cross_attention", False)
        if crossing or getattr(module, "add_q_proj", None) is not None:
            yield name, module.to_out[0], False
    for number, block in enumerate(getattr(network, "single_transformer_blocks", ())):
        yield f"single_transformer_blocks.{number}", block.proj_out, True


def _before(forward: Callable[..., Tensor], change: Callable[[Tensor], Tensor]) -> Any:
    def changed(made: Tensor, *rest: Any) -> Tensor:
        return forward(change(made), *rest)

    return changed


def _of_picture(
    change: Callable[[Tensor], Tensor], seen: Sequence[int], width: int, made: Tensor
) -> Tensor:
    """Change the picture's part (B, seen, width) of what a block of one stream computes."""
    first = made.shape[1] - seen[-1]
    led = change(made[:, first:, :width])
    picture = torch.cat([led, made[:, first:, width:]], dim=2)
    return torch.cat([made[:, :first], picture], dim=1)


def _count(seen: list[int], _: nn.Module, __: Any, tokens: Tensor) -> None:
    seen.append(tokens.shape[1])
