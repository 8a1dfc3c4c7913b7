"""Calls of denoising networks: each kind takes the same things by names and in forms of its own.

Of all families here are what they read beside latent, timestep and text (`added_conditions`, the
field's added conditions: summaries of the text, sizes, guidance), and their call (`predict`).
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from diffusers import (
    ChromaTransformer2DModel,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    UNet2DModel,
)
from torch import Tensor, nn

from nodes.diffusion.conditions import Prompt
from nodes.diffusion.inputs.video import is_video, predict_video
from nodes.diffusion.model_sampling import FLOW_TIMESTEPS
from nodes.diffusion.patches.patch import replaced
from nodes.diffusion.pixel_space import COLOURS, FoldedUNet
from nodes.errors import NodeError
from nodes.imaging.resize import padded_to_multiple

# Flux and Chroma read the latent in squares of 2 x 2 cells, each as one token.
FLUX_PATCH = 2
# How strongly Flux follows a prompt where nothing else is asked for.
GUIDANCE = 3.5


def is_joint(network: nn.Module) -> bool:
    """Say whether text and picture attend to one another as one sequence."""
    return isinstance(network, SD3Transformer2DModel) or is_flux(network)


def is_flux(network: nn.Module) -> bool:
    """Say whether a network is Flux's, or Chroma's, which was made out of it."""
    return isinstance(network, FluxTransformer2DModel | ChromaTransformer2DModel)


def counts_words(network: nn.Module) -> bool:
    """Say whether a word that is repeated weighs more.

    It does where text and picture attend to one another as one sequence, or to both at once.
    """
    config: Any = getattr(network, "config", None)
    if getattr(config, "addition_embed_type", None) == "text":
        return True
    return is_joint(network) or hasattr(network, "added_conditions")


def text_width(network: nn.Module) -> int | None:
    """Give the numbers that a network reads for each token of the text; None if it does not say."""
    config: Any = getattr(network, "config", None)
    # Some bring what an encoder says to a width of their own first.
    encoded = getattr(config, "encoder_hid_dim", None)
    if isinstance(encoded, int):
        return encoded
    name = "joint_attention_dim" if is_joint(network) else "cross_attention_dim"
    width = getattr(config, name, None)
    return width if isinstance(width, int) else None


def input_channels(network: nn.Module) -> int:
    """Count the channels that a network reads in each cell of the latent, those beside included."""
    config: Any = getattr(network, "config", None)
    channels: int = getattr(config, "in_channels", 0)
    if isinstance(network, FoldedUNet):
        return COLOURS
    return channels // FLUX_PATCH**2 if is_flux(network) else channels


def added_conditions(network: nn.Module, prompt: Prompt) -> dict[str, Tensor]:
    """Name what a network is told beside the text, as its arguments in diffusers are named.

    Args:
        network: The network.
        prompt: With its extras completed; see `model_inputs`.
    """
    added, things = _added_by_family(network, prompt), prompt.extras.get("things")
    return added | {"things": things} if isinstance(things, Tensor) else added


def _added_by_family(network: nn.Module, prompt: Prompt) -> dict[str, Tensor]:
    pooled = prompt.pooled
    own = getattr(network, "added_conditions", None)
    if own is not None:
        named: dict[str, Tensor] = own(pooled, prompt.extras)
        return named
    if is_joint(network):
        added = {} if pooled is None else {"pooled_projections": pooled}
        return added | {n: v for n in _BESIDE if isinstance(v := prompt.extras.get(n), Tensor)}
    if is_video(network):
        return {n: v for n in ("motion", "frames") if isinstance(v := prompt.extras.get(n), Tensor)}
    labels = prompt.extras.get("class_labels")
    if isinstance(labels, Tensor):
        return {"class_labels": labels}
    level = prompt.extras.get("noise_level")
    if isinstance(level, int):
        return {"class_labels": torch.tensor([level])}
    if pooled is not None and reads_level(network):
        return {"timestep_cond": torch.cat([_NO_NOISE, pooled.cpu()], dim=1)}
    times = prompt.extras.get("time_ids")
    if pooled is None or not isinstance(times, Tensor):
        return {}
    return {"text_embeds": pooled, "time_ids": times}


# Cosines and sines of a noise level of zero, as the x2 upscaler reads it.
_NO_NOISE = torch.cat([torch.ones(1, 64), torch.zeros(1, 64)], dim=1)


def reads_level(network: nn.Module) -> bool:
    """Say whether a network reads the level of noise beside it, and the text's summary, as numbers.

    So does Stable Diffusion's x2 upscaler, whose timesteps are Fourier features of log sigma.
    """
    config: Any = getattr(network, "config", None)
    fourier = getattr(config, "time_embedding_type", None) == "fourier"
    return fourier and isinstance(getattr(config, "time_cond_proj_dim", None), int)


# What joint networks read beside the text, where a prompt has it: see `references`.
_BESIDE = ("guidance", "reference_tokens", "reference_places", "text_bias")


def predict(
    network: Any,
    x: Tensor,
    timestep: Tensor,
    text: Tensor,
    added: Mapping[str, Tensor],
    steered: Mapping[str, Any],
) -> Tensor:
    """Call a network.

    Args:
        network: A UNet2DConditionModel, a UNet2DModel, which reads no text, an
            SD3Transformer2DModel, a FluxTransformer2DModel or a ChromaTransformer2DModel.
        x: (B, C, h, w), scaled as its input, in its dtype.
        timestep: (B,).
        text: (B, T, D).
        added: What `added_conditions` names, for the whole batch.
        steered: What controls add within it.

    Returns:
        Its prediction (B, C', h, w).
    """
    if is_video(network):
        return predict_video(network, x, timestep, text, added)
    if not is_joint(network):
        return _unet(network, x, timestep, text, added, steered)
    height, width = x.shape[-2:]
    flux = is_flux(network)
    x = padded_to_multiple(x, FLUX_PATCH if flux else network.config.patch_size, "circular")
    call = _flux if flux else _sd3
    return call(network, x, timestep, text, added, steered)[..., :height, :width]


def _unet(
    network: Any,
    x: Tensor,
    timestep: Tensor,
    text: Tensor,
    added: Mapping[str, Tensor],
    steered: Mapping[str, Any],
) -> Tensor:
    added = dict(added)
    labels = added.pop("class_labels", None)
    if labels is not None and labels.is_floating_point():
        labels = labels.to(x.dtype)
    reads: dict[str, Any] = {"class_labels": labels, "return_dict": False}
    if not isinstance(network, UNet2DModel):
        _check_adapters(network, x, steered)
        if "things" in added:
            things = {"objs": added.pop("things").to(x.dtype)}
            reads["cross_attention_kwargs"] = {"gligen": things}
        if "timestep_cond" in added:
            reads["timestep_cond"] = added.pop("timestep_cond").to(x.dtype)
        reads |= {"encoder_hidden_states": text, "added_cond_kwargs": added or None, **steered}
    height, width = x.shape[-2:]
    if reads_level(network):
        # Where others bring halves of odd sides back to them, networks of this kind do not, and the
        # smallest plane that they halve has two cells a side.
        x = padded_to_multiple(x, 2 ** len(network.config.block_out_channels))
    output: Tensor = network(x, timestep, **reads)[0]
    return output[..., :height, :width]


def _check_adapters(network: Any, x: Tensor, steered: Mapping[str, Any]) -> None:
    """Refuse what T2I-Adapters of another family would add."""
    planes = steered.get("down_intrablock_additional_residuals")
    if not planes:
        return
    levels = tuple(network.config.block_out_channels)
    # Those for SDXL, which has three levels, begin at half the size.
    for_xl = planes[0].shape[-1] < x.shape[-1]
    if tuple(p.shape[1] for p in planes)[: len(levels)] != levels or for_xl != (len(levels) == 3):
        raise NodeError(
            "The T2I-Adapter was made for another family of models.",
            "Choose one for the model's family.",
            "controlnet.family",
        )


def _sd3(
    network: Any,
    x: Tensor,
    timestep: Tensor,
    text: Tensor,
    added: Mapping[str, Tensor],
    steered: Mapping[str, Any],
) -> Tensor:
    added = {name: value.to(x.dtype) for name, value in added.items()}
    output: Tensor = network(
        x, timestep=timestep, encoder_hidden_states=text, return_dict=False, **added, **steered
    )[0]
    return output


def _flux(
    network: Any,
    x: Tensor,
    timestep: Tensor,
    text: Tensor,
    added: Mapping[str, Tensor],
    steered: Mapping[str, Any],
) -> Tensor:
    rows, columns = (side // FLUX_PATCH for side in x.shape[-2:])
    tokens, places = packed(x), positions(rows, columns).to(x.device)
    added = dict(added)
    if "reference_tokens" in added:
        tokens = torch.cat([tokens, added.pop("reference_tokens").to(x.dtype)], dim=1)
        # They are alike for all of a batch.
        places = torch.cat([places, added.pop("reference_places")[0].to(x.device)])
        # Controls steer what is drawn alone.
        more = (0, 0, 0, tokens.shape[1] - rows * columns)
        steered = {
            name: [nn.functional.pad(plane, more) for plane in planes]
            for name, planes in steered.items()
        }
    attention: dict[str, Any] = {}
    if "text_bias" in added:
        count = text.shape[1] + tokens.shape[1]
        bias = attention_bias(added.pop("text_bias").to(x.device), count)
        attention["attention_mask"] = bias.to(x.dtype)
    guided = "guidance" in added or not getattr(network.config, "guidance_embeds", False)
    with nullcontext() if guided else _without_guidance(network.time_text_embed):
        output: Tensor = network(
            hidden_states=tokens,
            # It multiplies by that number itself.
            timestep=timestep / FLOW_TIMESTEPS,
            encoder_hidden_states=text,
            img_ids=places,
            # Text has no position.
            txt_ids=torch.zeros(text.shape[1], 3, device=x.device),
            return_dict=False,
            **{name: value.to(x.dtype) for name, value in added.items()},
            **steered,
            joint_attention_kwargs=attention,
        )[0]
    return unpacked(output[:, : rows * columns], rows, columns)


def _without_guidance(embedder: Any) -> AbstractContextManager[None]:
    """Have Flux told of the time and of the text's summary alone."""

    def forward(timestep: Tensor, pooled: Tensor) -> Tensor:
        time = embedder.timestep_embedder(embedder.time_proj(timestep).to(pooled.dtype))
        told: Tensor = time + embedder.text_embedder(pooled)
        return told

    return replaced(embedder, "forward", forward)


def attention_bias(bias: Tensor, count: int) -> Tensor:
    """Bias (B, 1, N, N) attention to words (B, T), but for that of such words themselves.

    Args:
        bias: For each of the first words; 0 leaves it as it is.
        count: N, of all tokens.
    """
    keys = nn.functional.pad(bias, (0, count - bias.shape[1]))
    own = (keys != 0)[:, :, None]
    return keys[:, None, :].expand(-1, keys.shape[1], -1).masked_fill(own, 0.0)[:, None]


def positions(rows: int, columns: int, first: tuple[int, int, int] = (0, 0, 0)) -> Tensor:
    """Give the positions (rows * columns, 3) of a picture's tokens: time, row and column.

    Args:
        rows: Of tokens.
        columns: Likewise.
        first: The position of the first token.
    """
    time, top, left = first
    places = torch.empty(rows, columns, 3)
    places[..., 0] = time
    places[..., 1] = torch.arange(top, top + rows)[:, None]
    places[..., 2] = torch.arange(left, left + columns)
    return places.flatten(0, 1)


def packed(x: Tensor) -> Tensor:
    """Turn a latent (B, C, h, w) into tokens (B, h/2 * w/2, C * 4), row by row."""
    return nn.functional.pixel_unshuffle(x, FLUX_PATCH).flatten(2).transpose(1, 2)


def unpacked(tokens: Tensor, rows: int, columns: int) -> Tensor:
    """Turn tokens (B, rows * columns, C * 4) into a latent (B, C, 2 * rows, 2 * columns)."""
    squares = tokens.transpose(1, 2).reshape(len(tokens), -1, rows, columns)
    return nn.functional.pixel_shuffle(squares, FLUX_PATCH)
