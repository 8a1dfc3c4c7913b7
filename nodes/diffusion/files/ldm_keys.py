"""Names of weights in Stable Diffusion's original (LDM) files, and the same ones in diffusers.

Each table maps a module's path in diffusers to its path in LDM and follows from the
configuration, so that it holds for any number of levels, layers and places of attention.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from nodes.diffusion.files.video_keys import unet_with_time, vae_with_time

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
# The class of VAEs that decode frames together.
VIDEO_VAE = "AutoencoderKLTemporalDecoder"
TEXT_PREFIX = "cond_stage_model.transformer.text_model."

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_RESNET = {
    "norm1": "norm1",
    "conv1": "conv1",
    "norm2": "norm2",
    "conv2": "conv2",
    "conv_shortcut": "nin_shortcut",
}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
_VAE_PROJECTIONS = tuple(f".mid.attn_1.{name}.weight" for name in ("q", "k", "v", "proj_out"))

# Older exports of CLIP hold this buffer; it is 0, 1, 2, … and the module makes its own.
_POSITION_IDS = "embeddings.position_ids"


class UnknownKeysError(ValueError):
    """Weights whose names do not belong to the model that the configuration describes."""

    def __init__(self, part: str, keys: Iterable[str]) -> None:
        self.keys = tuple(sorted(keys))
        shown = ", ".join(self.keys[:3])
        rest = f" and {len(self.keys) - 3} more" if len(self.keys) > 3 else ""
        super().__init__(f"not in a {part} of this configuration: {shown}{rest}")


def unet_to_ldm(
    state_dict: Mapping[str, Tensor], config: Mapping[str, Any], prefix: str = UNET_PREFIX
) -> dict[str, Tensor]:
    """Rename the weights of a UNet2DConditionModel for an LDM file.

    Args:
        state_dict: Weights under the names of diffusers.
        config: Configuration of the UNet2DConditionModel; what it leaves out is the default.
        prefix: Stands before every name.

    Raises:
        UnknownKeysError: If a weight has no place in a UNet of this configuration.
    """
    return _renamed(state_dict, dict(_unet_names(config)), "UNet", add=prefix)


def unet_from_ldm(
    state_dict: Mapping[str, Tensor], config: Mapping[str, Any], prefix: str = UNET_PREFIX
) -> dict[str, Tensor]:
    """Pick the weights of the UNet out of an LDM file, under the names of diffusers.

    Args:
        state_dict: A whole file; names without the prefix are passed over.
        config: Configuration of the UNet2DConditionModel.
        prefix: Stands before every name of the UNet.

    Raises:
        UnknownKeysError: If a weight has no place in a UNet of this configuration.
    """
    names = {ldm: ours for ours, ldm in _unet_names(config)}
    return _renamed(state_dict, names, "UNet", remove=prefix)


def vae_to_ldm(
    state_dict: Mapping[str, Tensor], config: Mapping[str, Any], prefix: str = VAE_PREFIX
) -> dict[str, Tensor]:
    """Rename the weights of an AutoencoderKL for an LDM file; attention becomes 1×1 convolutions.

    Args:
        state_dict: Weights under the names of diffusers.
        config: Configuration of the AutoencoderKL; what it leaves out is the default.
        prefix: Stands before every name.

    Raises:
        UnknownKeysError: If a weight has no place in a VAE of this configuration.
    """
    renamed = _renamed(state_dict, dict(_vae_names(config)), "VAE", add=prefix)
    return {
        key: tensor[:, :, None, None] if key.endswith(_VAE_PROJECTIONS) else tensor
        for key, tensor in renamed.items()
    }


def vae_from_ldm(
    state_dict: Mapping[str, Tensor], config: Mapping[str, Any], prefix: str = VAE_PREFIX
) -> dict[str, Tensor]:
    """Pick the weights of the VAE out of an LDM file, under the names of diffusers.

    Args:
        state_dict: A whole file; names without the prefix are passed over.
        config: Configuration of the AutoencoderKL.
        prefix: Stands before every name of the VAE; "" for a file that holds a VAE alone.

    Raises:
        UnknownKeysError: If a weight has no place in a VAE of this configuration.
    """
    linear = {
        key: tensor[:, :, 0, 0] if key.endswith(_VAE_PROJECTIONS) and tensor.ndim == 4 else tensor
        for key, tensor in state_dict.items()
    }
    names = {ldm: ours for ours, ldm in _vae_names(config)}
    return _renamed(linear, names, "VAE", remove=prefix)


def text_encoder_to_ldm(
    state_dict: Mapping[str, Tensor], config: Mapping[str, Any], prefix: str = TEXT_PREFIX
) -> dict[str, Tensor]:
    """Rename the weights of a CLIPTextModel for an LDM file.

    Args:
        state_dict: Weights under the names of transformers, with or without `text_model.`.
        config: Configuration of the CLIPTextModel.
        prefix: Stands before every name.

    Raises:
        UnknownKeysError: If a weight has no place in a text encoder of this configuration.
    """
    bare = {key.removeprefix("text_model."): tensor for key, tensor in state_dict.items()}
    bare.pop(_POSITION_IDS, None)
    names = {name: name for name in _text_names(config)}
    return _renamed(bare, names, "text encoder", add=prefix)


def text_encoder_from_ldm(
    state_dict: Mapping[str, Tensor], config: Mapping[str, Any], prefix: str = TEXT_PREFIX
) -> dict[str, Tensor]:
    """Pick the weights of the text encoder out of an LDM file, named as in transformers 5.

    Args:
        state_dict: A whole file; names without the prefix are passed over.
        config: Configuration of the CLIPTextModel.
        prefix: Stands before every name of the text encoder.

    Raises:
        UnknownKeysError: If a weight has no place in a text encoder of this configuration.
    """
    wanted = {k: v for k, v in state_dict.items() if k != prefix + _POSITION_IDS}
    names = {name: name for name in _text_names(config)}
    return _renamed(wanted, names, "text encoder", remove=prefix)


def _renamed(
    state_dict: Mapping[str, Tensor],
    names: Mapping[str, str],
    part: str,
    *,
    add: str = "",
    remove: str = "",
) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    unknown: list[str] = []
    for key, tensor in state_dict.items():
        if not key.startswith(remove):
            continue
        name = _rename(key.removeprefix(remove), names)
        if name is None:
            unknown.append(key)
        else:
            renamed[add + name] = tensor
    if unknown:
        raise UnknownKeysError(part, unknown)
    return renamed


def _rename(key: str, names: Mapping[str, str]) -> str | None:
    """Replace the longest module path of the table that the key begins with."""
    path = key
    while path:
        if path in names:
            return names[path] + key[len(path) :]
        path = path.rpartition(".")[0]
    return None


def _unet_names(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = _unet_of_pictures(config)
    return unet_with_time(names, _RESNET) if "num_frames" in config else names


def _unet_of_pictures(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    downs = config.get("down_block_types", (*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"))
    ups = config.get("up_block_types", ("UpBlock2D", *["CrossAttnUpBlock2D"] * 3))
    layers = config.get("layers_per_block", 2)
    counts = [layers] * len(downs) if isinstance(layers, int) else list(layers)
    projected = config.get("class_embed_type") == "projection"
    beside = "class_embedding" if projected else "add_embedding"
    yield from (
        ("conv_in", "input_blocks.0.0"),
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        (f"{beside}.linear_1", "label_emb.0.0"),
        (f"{beside}.linear_2", "label_emb.0.2"),
        ("class_embedding", "label_emb"),
        ("conv_norm_out", "out.0"),
        ("conv_out", "out.2"),
    )
    block = 1
    for level, kind in enumerate(downs):
        for layer in range(counts[level]):
            ours, ldm = f"down_blocks.{level}", f"input_blocks.{block}"
            yield from _within(f"{ours}.resnets.{layer}", f"{ldm}.0", _RESNET)
            if "Attn" in kind:
                yield f"{ours}.attentions.{layer}", f"{ldm}.1"
            block += 1
        if level < len(downs) - 1:
            yield f"down_blocks.{level}.downsamplers.0.conv", f"input_blocks.{block}.0.op"
            block += 1
    yield from _unet_middle(config)
    block = 0
    for level, (kind, count) in enumerate(zip(ups, reversed(counts), strict=True)):
        for layer in range(count + 1):
            ours, ldm = f"up_blocks.{level}", f"output_blocks.{block}"
            yield from _within(f"{ours}.resnets.{layer}", f"{ldm}.0", _RESNET)
            if "Attn" in kind:
                yield f"{ours}.attentions.{layer}", f"{ldm}.1"
            block += 1
        if level < len(ups) - 1:
            place = 2 if "Attn" in kind else 1
            yield f"up_blocks.{level}.upsamplers.0.conv", f"output_blocks.{block - 1}.{place}.conv"


def _unet_middle(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = config.get("mid_block_type", "UNetMidBlock2DCrossAttn")
    if kind is None:
        return
    last = 2 if "Attn" in kind else 1
    yield from _within("mid_block.resnets.0", "middle_block.0", _RESNET)
    if "Attn" in kind:
        yield "mid_block.attentions.0", "middle_block.1"
    yield from _within("mid_block.resnets.1", f"middle_block.{last}", _RESNET)


def _vae_names(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = _vae_of_pictures(config)
    return vae_with_time(names, _RESNET) if config.get("_class_name") == VIDEO_VAE else names


def _vae_of_pictures(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    levels = len(config.get("block_out_channels", (64,)))
    layers = config.get("layers_per_block", 1)
    yield from ((name, name) for name in ("quant_conv", "post_quant_conv"))
    for half in ("encoder", "decoder"):
        yield from ((f"{half}.{name}", f"{half}.{name}") for name in ("conv_in", "conv_out"))
        yield f"{half}.conv_norm_out", f"{half}.norm_out"
        ours, ldm = f"{half}.mid_block", f"{half}.mid"
        for layer in range(2):
            yield from _within(f"{ours}.resnets.{layer}", f"{ldm}.block_{layer + 1}", _VAE_RESNET)
        if config.get("mid_block_add_attention", True):
            yield from _within(f"{ours}.attentions.0", f"{ldm}.attn_1", _VAE_ATTENTION)
    for level in range(levels):
        ours, ldm = f"encoder.down_blocks.{level}", f"encoder.down.{level}"
        for layer in range(layers):
            yield from _within(f"{ours}.resnets.{layer}", f"{ldm}.block.{layer}", _VAE_RESNET)
        yield f"{ours}.downsamplers.0.conv", f"{ldm}.downsample.conv"
        # LDM counts the decoder's levels by resolution, diffusers in the order of work.
        ours, ldm = f"decoder.up_blocks.{level}", f"decoder.up.{levels - 1 - level}"
        for layer in range(layers + 1):
            yield from _within(f"{ours}.resnets.{layer}", f"{ldm}.block.{layer}", _VAE_RESNET)
        yield f"{ours}.upsamplers.0.conv", f"{ldm}.upsample.conv"


def _text_names(config: Mapping[str, Any]) -> Iterator[str]:
    yield from ("embeddings.token_embedding", "embeddings.position_embedding", "final_layer_norm")
    for layer in range(config.get("num_hidden_layers", 12)):
        yield f"encoder.layers.{layer}"


def _within(ours: str, ldm: str, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((f"{ours}.{name}", f"{ldm}.{other}") for name, other in names.items())
