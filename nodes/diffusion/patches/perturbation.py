"""Guidance away from what a weakened network estimates: no other prompt is needed.

Each technique breaks something in the network, estimates once more, and leads away from that:
guided + scale * (better - worse).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from nodes.diffusion.patches.patch import Call, Combine, Estimates, NetworkPatch, replaced
from nodes.imaging.blur import gaussian_blur

# Where the degraded sample is blurred, the kernel reaches this many cells to each side.
_BLUR_RADIUS = 4


def perturbed_attention(combine: Combine, estimates: Estimates, *, scale: float) -> Tensor:
    """Lead away from an estimate whose middle lets each place look at itself alone.

    Ahn et al. 2024, Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance (PAG),
    arXiv:2403.17377. One evaluation more.
    """
    guided = combine(estimates)
    if scale == 0:
        return guided
    worse = estimates.again(estimates.x, 0, NetworkPatch(_without_looking_around))
    return guided + scale * (estimates.cond - worse)


def self_attention_guided(
    combine: Combine, estimates: Estimates, *, scale: float, blur_sigma: float
) -> Tensor:
    """Lead away from an estimate that was made without the details that much attention goes to.

    Hong et al. 2023, Improving Sample Quality of Diffusion Models Using Self-Attention Guidance,
    arXiv:2210.00939, algorithm 1: the clean sample is blurred where attention, summed over those
    that look, is above its average; the same noise is put back; one evaluation more.
    """
    guided = combine(estimates)
    seen = estimates.memory.get("attention")
    if scale == 0 or seen is None:
        return guided
    x, clean = estimates.x, estimates.uncond
    looked_at = interpolate((seen > 1).to(x), x.shape[-2:], mode="nearest")
    blurred = gaussian_blur(clean, _BLUR_RADIUS, blur_sigma)
    degraded = torch.where(looked_at > 0, blurred, clean)
    worse = estimates.again(x + _on_path(estimates) * (degraded - clean), estimates.away)
    return guided + scale * (degraded - worse)


def attention_watch(memory: dict[str, Tensor], away: int) -> NetworkPatch:
    """Note how much attention each place of the middle gets: (B, 1, h, w), 1 on average."""
    return NetworkPatch(_watched, {"memory": memory, "away": away})


def layers_skipped(
    combine: Combine,
    estimates: Estimates,
    *,
    double_layers: Sequence[int],
    single_layers: Sequence[int],
    scale: float,
    first: float,
    last: float,
    rescale: float = 0.0,
) -> Tensor:
    """Lead away from an estimate of which some transformer blocks had no part.

    The way of Stable Diffusion 3.5 (Stability AI 2024, its published sampler), after Karras et al.
    2024, Guiding a Diffusion Model with a Bad Version of Itself, arXiv:2406.02507.

    Args:
        combine: What it is put around.
        estimates: Of this step.
        double_layers: Numbers of blocks for picture and text side by side.
        single_layers: Numbers of blocks for both as one sequence.
        scale: How strongly.
        first: The highest noise level at which it holds.
        last: The lowest.
        rescale: How much of the spread is brought back to that under the prompt, from 0 to 1.
    """
    guided = combine(estimates)
    if scale == 0 or not last <= estimates.sigma <= first or not (double_layers or single_layers):
        return guided
    options = {"double_layers": double_layers, "single_layers": single_layers, "places": (0,)}
    worse = estimates.again(estimates.x, 0, NetworkPatch(skipping, options))
    guided = guided + scale * (estimates.cond - worse)
    kept = 1 + rescale * (estimates.cond.std() / guided.std() - 1)
    return guided * kept


@contextmanager
def skipping(
    network: nn.Module,
    call: Call,
    *,
    double_layers: Sequence[int],
    single_layers: Sequence[int],
    places: Sequence[int],
    first: float = float("inf"),
    last: float = 0.0,
) -> Iterator[None]:
    """Leave transformer blocks out for the conditionings at some places."""
    with ExitStack() as stack:
        if last <= call.sigma <= first:
            skipped = [group in places for group in call.groups]
            for name, numbers in (
                ("transformer_blocks", double_layers),
                ("single_transformer_blocks", single_layers),
            ):
                blocks = _list_named(network, name)
                for number in numbers:
                    if 0 <= number < len(blocks):
                        block = blocks[number]
                        forward = _passing(block.forward, skipped)
                        stack.enter_context(replaced(block, "forward", forward))
        yield


def _passing(forward: Callable[..., Any], skipped: Sequence[bool]) -> Callable[..., Any]:
    """Compute a block for the parts of the batch that are not skipped."""

    def partly(
        hidden_states: Tensor, encoder_hidden_states: Tensor, temb: Tensor, *rest: Any, **named: Any
    ) -> tuple[Tensor, Tensor]:
        count = len(skipped)
        if all(skipped):
            return encoder_hidden_states, hidden_states
        given = [one.chunk(count) for one in (hidden_states, encoder_hidden_states, temb)]
        kept = [place for place in range(count) if not skipped[place]]
        text, picture = forward(
            *(torch.cat([parts[place] for place in kept]) for parts in given), *rest, **named
        )
        pictures, texts = list(given[0]), list(given[1])
        for index, place in enumerate(kept):
            pictures[place] = picture.chunk(len(kept))[index]
            # The last block of some networks has no more use for the text.
            texts[place] = texts[place] if text is None else text.chunk(len(kept))[index]
        return torch.cat(texts), torch.cat(pictures)

    return partly


def _list_named(network: nn.Module, name: str) -> nn.ModuleList:
    for path, module in network.named_modules():
        if path.split(".")[-1] == name and isinstance(module, nn.ModuleList):
            return module
    return nn.ModuleList()


def _on_path(estimates: Estimates) -> float:
    """Give the share of the clean sample in `x`."""
    return 1 - estimates.sigma if estimates.sampling.prediction == "flow" else 1.0


@contextmanager
def _without_looking_around(network: nn.Module, call: Call) -> Iterator[None]:
    with ExitStack() as stack:
        for attention in _middle_attentions(network):
            stack.enter_context(replaced(attention, "forward", _looking_at_itself(attention)))
        yield


def _looking_at_itself(attention: Any) -> Callable[..., Tensor]:
    def forward(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        project, dropout = attention.to_out
        made: Tensor = dropout(project(attention.to_v(hidden_states)))
        return made

    return forward


@contextmanager
def _watched(
    network: nn.Module, call: Call, *, memory: dict[str, Tensor], away: int
) -> Iterator[None]:
    first = _middle_attentions(network)[0]
    forward = first.forward

    def watching(hidden_states: Tensor, *rest: Any, **named: Any) -> Tensor:
        if away in call.groups:
            part = hidden_states.chunk(len(call.groups))[call.groups.index(away)]
            height, width = _middle_size(network, call)
            # Other patches may have made the middle smaller.
            if part.shape[1] == height * width:
                received = _attention_received(first, part)
                seen = received.reshape(-1, 1, height, width)
                before = memory["attention"][: call.first] if call.first else seen[:0]
                memory["attention"] = torch.cat([before, seen])
        made: Tensor = forward(hidden_states, *rest, **named)
        return made

    with replaced(first, "forward", watching):
        yield


def _attention_received(attention: Any, hidden: Tensor) -> Tensor:
    """Sum, over those that look, how much is looked at each place (B, T); meaned over heads."""
    query = attention.head_to_batch_dim(attention.to_q(hidden))
    key = attention.head_to_batch_dim(attention.to_k(hidden))
    scores: Tensor = attention.get_attention_scores(query, key)
    return scores.float().reshape(hidden.shape[0], -1, *scores.shape[1:]).mean(dim=1).sum(dim=1)


def _middle_attentions(network: nn.Module) -> list[Any]:
    """List the self-attentions in the middle of a U-Net."""
    middle: Any = network.mid_block
    return [
        block.attn1
        for transformer in getattr(middle, "attentions", ())
        for block in transformer.transformer_blocks
    ]


def _middle_size(network: Any, call: Call) -> tuple[int, int]:
    height, width = call.size
    for block in network.down_blocks:
        if block.downsamplers is not None:
            height, width = -(-height // 2), -(-width // 2)
    return height, width
