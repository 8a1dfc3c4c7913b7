"""ControlNets on disk to networks, under LDM or diffusers names."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel, ControlNetUnionModel
from torch import Tensor, nn

from nodes.diffusion.adapters.t2i_adapter import is_t2i_adapter, make_t2i_adapter
from nodes.diffusion.adapters.transformer_control_file import (
    is_transformer_control,
    make_transformer_control,
)
from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint_file import Header, stamp
from nodes.diffusion.files.checkpoint_folder import read_json, read_named
from nodes.diffusion.files.checkpoint_networks import configured, filled
from nodes.diffusion.files.unet_shapes import heads, layers_told, unet_config
from nodes.diffusion.files.weight_shapes import Config
from nodes.errors import FileProblem
from nodes.types import ControlNet, Model

PREFIX = "control_model."

# How kinds of ControlNet that cannot be loaded tell themselves.
_OTHERS = (("lora_controlnet", "a Control-LoRA"),)


def load_control_net(path: Path, dtype: str, model: Model | None = None) -> ControlNet:
    """Load a ControlNet of Stable Diffusion 1, 2, 3, XL or Flux, a union, or a T2I-Adapter.

    Zhang et al. 2023, Adding Conditional Control to Text-to-Image Diffusion Models,
    arXiv:2302.05543.

    Args:
        path: A .safetensors file, or a folder that diffusers has written.
        dtype: What to compute in.
        model: What a file of differences is added to; others need none.

    Raises:
        FileProblem: If the file holds none, or one of another kind.
    """
    header, weights = read_named(path)
    if is_t2i_adapter(header.shapes):
        return ControlNet(make_t2i_adapter(weights, dtype), dtype, f"{stamp(path)}#t2i_adapter")
    if is_transformer_control(header.shapes):
        return _of_transformer(path, weights, dtype)
    _check(header)
    weights = {name: w for name, w in weights.items() if not name.startswith(_PASSED_OVER)}
    if PREFIX + "zero_convs.0.0.weight" in weights:
        weights = {
            name.removeprefix(PREFIX): tensor
            for name, tensor in weights.items()
            if name.startswith(PREFIX)
        }
    try:
        union = {name: weights.pop(name) for name in list(weights) if name.startswith(_UNION)}
        if "controlnet_mid_block.weight" in weights:
            weights = control_to_ldm(weights, layers_told(weights))
        config = _config(header, {name: tuple(tensor.shape) for name, tensor in weights.items()})
        weights = control_from_ldm(weights, config) | union
        if _DIFFERENCE in header.shapes:
            weights = _added(weights, model, path)
        kind = ControlNetUnionModel if union else ControlNetModel
        with torch.device("meta"):
            network = configured("ControlNet", kind.from_config, _own(config) | _tasks(union))
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise _unknown(path, error) from error
    network = filled(network, weights, dtype, "ControlNet")
    if union:
        _add_no_task(network)
    of_model = f"+{model.key}" if model is not None and _DIFFERENCE in header.shapes else ""
    return ControlNet(network, dtype, f"{stamp(path)}{of_model}#controlnet")


def _of_transformer(path: Path, weights: Mapping[str, Tensor], dtype: str) -> ControlNet:
    told = read_json(path, "config.json") if path.is_dir() else {}
    try:
        network, dtype = make_transformer_control(weights, dtype, told)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise _unknown(path, error) from error
    return ControlNet(network, dtype, f"{stamp(path)}#controlnet")


def _unknown(path: Path, error: Exception) -> FileProblem:
    return FileProblem(
        f"{path.name} holds no ControlNet of a layout that is known here ({error}).",
        "Choose a ControlNet of Stable Diffusion 1, 2, 3, XL or Flux.",
        "controlnet.kind",
    )


# A tensor by which a file says that it holds differences from the model that it steers.
_DIFFERENCE = "difference"
_PASSED_OVER = (ldm_keys.UNET_PREFIX, "lora_", _DIFFERENCE)


def _added(weights: Mapping[str, Tensor], model: Model | None, path: Path) -> dict[str, Tensor]:
    """Add what a ControlNet differs in to the weights of the model that it steers."""
    if model is None:
        raise FileProblem(
            f"{path.name} holds what a ControlNet differs in from the model that it steers.",
            "Load it with DiffControlNetLoader.",
            "controlnet.difference",
        )
    own = model.network.state_dict()
    made = dict(weights)
    for name in weights.keys() & own.keys():
        if own[name].shape != weights[name].shape:
            raise FileProblem(
                f"{path.name} was made for another model: {name} has another shape there.",
                "Choose the ControlNet of the model's family.",
                "controlnet.family",
            )
        made[name] = own[name].cpu().float() + weights[name].float()
    return made


# How the names begin of what a union has beside a ControlNet; the third is spelt so.
_UNION = ("task_embedding", "control_add_embedding.", "transformer_layes.", "spatial_ch_projs.")


def _tasks(union: Mapping[str, Tensor]) -> Config:
    """Derive the configuration of a union's own parts from its weights."""
    if not union:
        return {}
    tasks, width = union["task_embedding"].shape
    return {
        "num_control_type": tasks,
        "num_trans_channel": width,
        "num_trans_layer": len({n.split(".")[1] for n in union if n.startswith("transformer_l")}),
        "num_proj_channel": union["spatial_ch_projs.weight"].shape[0],
    }


def _add_no_task(network: Any) -> None:
    """Give a union one more task, the last, that adds nothing: for pictures of no named task."""
    tasks = network.task_embedding
    with_none = torch.cat([tasks, torch.zeros_like(tasks[:1])])
    network.task_embedding = nn.Parameter(with_none, requires_grad=False)


def control_to_ldm(weights: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Rename the weights of a ControlNetModel for an LDM file.

    Raises:
        UnknownKeysError: If a weight has no place in a ControlNet of this configuration.
    """
    blocks = {n.split(".")[2] for n in weights if n.startswith("controlnet_cond_embedding.blocks.")}
    last = 2 * len(blocks) + 2
    return _moved(weights, config, ldm_keys.unet_to_ldm, lambda name: _hint_to_ldm(name, last))


def control_from_ldm(weights: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Rename the weights of an LDM file for a ControlNetModel.

    Raises:
        UnknownKeysError: If a weight has no place in a ControlNet of this configuration.
    """
    last = max(int(n.split(".")[1]) for n in weights if n.startswith("input_hint_block."))
    return _moved(weights, config, ldm_keys.unet_from_ldm, lambda name: _hint_from_ldm(name, last))


def _moved(
    weights: Mapping[str, Tensor], config: Config, trunk: Any, own: Any
) -> dict[str, Tensor]:
    """Rename a ControlNet's own parts; the rest is the first half of a UNet."""
    renamed = {name: own(name) for name in weights}
    shared = {name: tensor for name, tensor in weights.items() if renamed[name] is None}
    made: dict[str, Tensor] = trunk(shared, config, "")
    return made | {new: weights[name] for name, new in renamed.items() if new is not None}


def _hint_to_ldm(name: str, last: int) -> str | None:
    part, _, rest = name.partition(".")
    if part == "controlnet_down_blocks":
        number, _, kind = rest.partition(".")
        return f"zero_convs.{number}.0.{kind}"
    if part == "controlnet_mid_block":
        return f"middle_block_out.0.{rest}"
    if part != "controlnet_cond_embedding":
        return None
    if rest.startswith("conv_in."):
        return f"input_hint_block.0.{rest.removeprefix('conv_in.')}"
    if rest.startswith("blocks."):
        _, number, kind = rest.split(".")
        return f"input_hint_block.{2 * int(number) + 2}.{kind}"
    return f"input_hint_block.{last}.{rest.removeprefix('conv_out.')}"


def _hint_from_ldm(name: str, last: int) -> str | None:
    part, _, rest = name.partition(".")
    if part == "zero_convs":
        number, _, kind = rest.split(".")
        return f"controlnet_down_blocks.{number}.{kind}"
    if part == "middle_block_out":
        return f"controlnet_mid_block.{rest.removeprefix('0.')}"
    if part != "input_hint_block":
        return None
    place, _, kind = rest.partition(".")
    if place in ("0", str(last)):
        return f"controlnet_cond_embedding.conv_{'in' if place == '0' else 'out'}.{kind}"
    return f"controlnet_cond_embedding.blocks.{int(place) // 2 - 1}.{kind}"


def _config(header: Header, shapes: Mapping[str, Sequence[int]]) -> Config:
    own = header.metadata.get("weft.config")
    if own is not None:
        told: Config = json.loads(own)["controlnet"]
        return {"up_block_types": ("UpBlock2D",) * len(told["down_block_types"]), **told}
    config = unet_config(shapes, "")
    hints = sum(n.startswith("input_hint_block.") and n.endswith(".weight") for n in shapes)
    return (
        config
        | heads(config)
        | {
            "conditioning_channels": shapes["input_hint_block.0.weight"][1],
            "conditioning_embedding_out_channels": tuple(
                shapes[f"input_hint_block.{4 * level}.weight"][0] for level in range(hints // 2)
            ),
        }
    )


def _own(config: Config) -> Config:
    not_there = ("up_block_types", "out_channels", "sample_size")
    return {name: value for name, value in config.items() if name not in not_there}


def _check(header: Header) -> None:
    for sign, what in _OTHERS:
        if any(sign in name for name in header.shapes):
            raise FileProblem(
                f"{header.path.name} is {what}, and that kind cannot be loaded yet.",
                "Choose a ControlNet of Stable Diffusion 1, 2, 3, XL or Flux.",
                "controlnet.kind",
            )
    if not any("zero_convs." in n or "controlnet_down_blocks." in n for n in header.shapes):
        raise FileProblem(
            f"{header.path.name} holds no ControlNet.",
            "Choose a file from the controlnet folder.",
            "controlnet.kind",
        )
