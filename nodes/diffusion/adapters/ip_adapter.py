"""Pictures as prompts: each cross-attention looks at an image's tokens too, beside the text's.

Ye et al. 2023, IP-Adapter: Text Compatible Image Prompt Adapter for Text-to-Image Diffusion Models,
arXiv:2308.06721, equation 8:

    attention(Q, K, V) + weight * attention(Q, K', V')

The queries Q are of the picture that is drawn, K and V of the text, and K' and V' of the image.
These depend on the image alone, so they are computed once, and a patched model carries nothing but
them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, linear, scaled_dot_product_attention

from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.model_sampling import sigma_at
from nodes.diffusion.patches.patch import Call, NetworkPatch, unet_of, with_patch
from nodes.errors import NodeError
from nodes.types import ClipVisionOutput, IPAdapter, Mask, Model

# Where SDXL keeps style, and where it keeps what stands where.
# Wang et al. 2024, InstantStyle, arXiv:2404.02733, section 3.2.
LAYERS = {
    "linear": "",
    "style transfer": "up_blocks.0.attentions.1.",
    "composition": "down_blocks.2.attentions.1.",
}
# How several pictures are looked at: each of them, or one made out of what the encoder says.
COMBINATIONS = ("concat", "add", "subtract", "average")


@dataclass(frozen=True, eq=False)
class ImagePrompt:
    """What the cross-attentions of a network read of pictures.

    Attributes:
        keys: For each cross-attention in order (2, T, C): those of the pictures, and those of
            nothing, which every conditioning but the positive one reads.
        values: Likewise.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]


@torch.no_grad()
def image_prompt(
    adapter: IPAdapter, seen: ClipVisionOutput, nothing: ClipVisionOutput, combine: str
) -> ImagePrompt:
    """Turn what an image encoder says of pictures into keys and values.

    Args:
        adapter: On the device to compute on.
        seen: Of the pictures.
        nothing: Of what is to be led away from; see `blank`.
        combine: One of COMBINATIONS.

    Raises:
        NodeError: If the adapter reads another image encoder.
    """
    pictures, empty = (_tokens(adapter, _combined(adapter, o, combine)) for o in (seen, nothing))
    # Looking at all tokens several times is like looking at them once.
    count = math.lcm(pictures.shape[1], empty.shape[1])
    both = torch.cat([t.repeat(1, count // t.shape[1], 1) for t in (pictures, empty)])
    return ImagePrompt(
        tuple(each(both).float().cpu() for each in adapter.keys),
        tuple(each(both).float().cpu() for each in adapter.values),
    )


def blank(
    adapter: IPAdapter, seen: ClipVisionOutput, of_grey: ClipVisionOutput
) -> ClipVisionOutput:
    """Give what the negative side reads, as in training: a summary of zeros, or a grey picture.

    Args:
        adapter: Says which of both.
        seen: What the encoder says of the pictures.
        of_grey: What it says of one picture of the mean colour.
    """
    if adapter.reads_patches:
        return of_grey
    return ClipVisionOutput(
        torch.zeros_like(seen.image_embeds[:1]),
        seen.last_hidden_state[:1],
        seen.penultimate_hidden_states[:1],
    )


def with_image_prompt(
    model: Model,
    prompt: ImagePrompt,
    weight: float,
    weight_type: str = "linear",
    start: float = 0.0,
    end: float = 1.0,
    mask: Mask | None = None,
    scale_keys: bool = False,
) -> Model:
    """Let a model follow pictures; its weights stay as they are.

    Args:
        model: A U-Net.
        prompt: The pictures.
        weight: How strongly; 0 gives the model back as it is.
        weight_type: One of LAYERS: which of the cross-attentions look at the pictures.
        start: Fraction of the sampling at which it begins to hold, 0 being pure noise.
        end: Fraction of the sampling at which it ceases to hold.
        mask: Where in the picture it holds.
        scale_keys: Whether the weight is a factor on the keys too: below 1 attention is spread
            over all of a picture's tokens, above 1 it goes to few.

    Raises:
        NodeError: If the adapter was made for another family, or the model has no such layers.
    """
    if weight == 0:
        return model
    names = _cross_attentions(unet_of(model, "IP-Adapter"))
    widths = [attention.to_k.out_features for attention in names.values()]
    if widths != [key.shape[2] for key in prompt.keys]:
        raise NodeError(
            f"The IP-Adapter is for {len(prompt.keys)} cross-attentions, and the model has "
            f"{len(widths)}, or others.",
            "Choose an IP-Adapter that was made for the model's family.",
            "ip_adapter.family",
        )
    places = [place for place, name in enumerate(names) if name.startswith(LAYERS[weight_type])]
    if not places:
        raise NodeError(
            f"{weight_type!r} is for SDXL: this model lacks the layers that it holds for.",
            "Choose the weight type 'linear'.",
            "ip_adapter.layers",
        )
    options = {
        "prompt": prompt,
        "weight": weight,
        "places": places,
        "first": sigma_at(model.sampling, start),
        "last": sigma_at(model.sampling, end),
        "mask": mask,
        "scale_keys": scale_keys,
    }
    return with_patch(model, NetworkPatch(looking_at_pictures, options))


@contextmanager
def looking_at_pictures(
    network: nn.Module,
    call: Call,
    *,
    prompt: ImagePrompt,
    weight: float,
    places: Sequence[int],
    first: float,
    last: float,
    mask: Mask | None,
    scale_keys: bool,
) -> Iterator[None]:
    """Let cross-attentions look at pictures during one call; see `with_image_prompt`."""
    if not last <= call.sigma <= first:
        yield
        return
    attentions = list(_cross_attentions(network).values())
    rows = torch.tensor([min(group, 1) for group in call.groups])
    with ExitStack() as stack:
        for place in places:
            key, value = prompt.keys[place][rows], prompt.values[place][rows]
            key = weight * key if scale_keys else key
            hook = _look(key, value, weight, mask, call)
            handle = attentions[place].register_forward_hook(hook)
            stack.callback(handle.remove)
        yield


def _look(
    key: Tensor, value: Tensor, weight: float, mask: Mask | None, call: Call
) -> Callable[..., Tensor]:
    def look(attention: Any, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        hidden = given[0]
        times = hidden.shape[0] // key.shape[0]

        def split(x: Tensor) -> Tensor:
            width = x.shape[2] // attention.heads
            return x.view(len(x), -1, attention.heads, width).transpose(1, 2)

        own = (each.to(hidden).repeat_interleave(times, 0) for each in (key, value))
        keys, values = (split(each) for each in own)
        seen = scaled_dot_product_attention(split(attention.to_q(hidden)), keys, values)
        seen = weight * seen.transpose(1, 2).flatten(2)
        if mask is not None:
            seen = seen * _mask_of_tokens(mask, hidden.shape[1], call, times).to(hidden)
        # The way out is linear: what is added to its input comes out beside the rest.
        out = linear(seen, attention.to_out[0].weight) / attention.rescale_output_factor
        added: Tensor = output + out
        return added

    return look


def _mask_of_tokens(mask: Mask, tokens: int, call: Call, times: int) -> Tensor:
    """Bring a mask to a layer's tokens (B, tokens, 1), each part having `times` pictures."""
    height, width = call.size
    wanted = (tokens * height / width) ** 0.5
    rows = min((n for n in range(1, tokens + 1) if tokens % n == 0), key=lambda n: abs(n - wanted))
    fitted = interpolate(mask.values, (rows, tokens // rows), mode="area")
    column = fitted.flatten(1)[..., None]
    pictures = [(call.first + index) % len(column) for index in range(times)]
    return column[pictures].repeat(len(call.groups), 1, 1)


def _cross_attentions(network: nn.Module) -> dict[str, Any]:
    """Find the cross-attentions of a U-Net by their names, in the order of adapters' files."""
    return {name: m for name, m in network.named_modules() if name.endswith(".attn2")}


def _combined(adapter: IPAdapter, output: ClipVisionOutput, combine: str) -> Tensor:
    """Give what an adapter reads of pictures, (B|1, ...)."""
    seen = output.penultimate_hidden_states if adapter.reads_patches else output.image_embeds
    if seen.shape[-1] != adapter.width:
        raise NodeError(
            f"The IP-Adapter reads {adapter.width} numbers, and this image encoder gives "
            f"{seen.shape[-1]}.",
            "Choose the image encoder that it was trained with: ViT-H for most, bigG for some of "
            "SDXL's.",
            "ip_adapter.encoder",
        )
    if combine == "concat" or len(seen) == 1:
        return seen
    if combine == "average":
        return seen.mean(0, keepdim=True)
    if combine == "add":
        return seen.sum(0, keepdim=True)
    return seen[:1] - seen[1:].mean(0, keepdim=True)


def _tokens(adapter: IPAdapter, seen: Tensor) -> Tensor:
    """Project what is seen of pictures (B, ...) to tokens (1, B * T, C)."""
    tokens: Tensor = adapter.projection(seen.to(*work_place(adapter.projection)))
    return tokens.flatten(0, 1)[None]
