"""Low-rank changes of weights (LoRA), merged into a copy that shares all that they leave alone.

Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models, arXiv:2106.09685. Files come
under several names for the same modules: those of kohya's trainer with diffusers' or LDM's paths,
of peft, and of early diffusers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion import ldm_keys
from nodes.diffusion.checkpoint_file import read_header, read_weights, stamp
from nodes.diffusion.memory import copy_sharing
from nodes.errors import FileProblem
from nodes.types import Clip, Model

_PART = re.compile(
    r"(?P<module>.+?)[._]"
    r"(?P<part>lora_down|lora_up|lora_mid|lora_A|lora_B|lora\.down|lora\.up|alpha"
    r"|hada_w1_a|hada_w1_b|hada_w2_a|hada_w2_b)"
    r"(\.default)?(\.weight)?"
)
_PARTS = {
    "lora_A": "lora_down",
    "lora_B": "lora_up",
    "lora.down": "lora_down",
    "lora.up": "lora_up",
}

# How the names of changes of a text encoder begin.
TEXT_NAMES = ("lora_te_", "lora_te1_", "lora_te2_", "text_encoder.", "text_encoder_2.")


@dataclass(frozen=True, eq=False)
class Lora:
    """The changes that a file holds.

    Attributes:
        name: The file's name.
        key: Names the content.
        changes: Parts of the change of each module, under the file's name for it.
    """

    name: str
    key: str
    changes: Mapping[str, Mapping[str, Tensor]]


def read_lora(path: Path) -> Lora:
    """Read a LoRA file.

    Raises:
        FileProblem: If it is none, or of a kind not known here.
    """
    read_header(path)
    changes: dict[str, dict[str, Tensor]] = {}
    unknown: list[str] = []
    for name, tensor in read_weights(path, lambda _: True).items():
        found = _PART.fullmatch(name)
        if found is None:
            unknown.append(name)
        else:
            part = _PARTS.get(found["part"], found["part"])
            changes.setdefault(_plain(found["module"]), {})[part] = tensor
    if unknown or not changes:
        example = f" ({unknown[0]})" if unknown else ""
        raise FileProblem(
            f"{path.name} is no LoRA of a kind that is known here{example}.",
            "LoRA, LoCon and LoHa files can be used; DoRA and LoKr cannot yet.",
            "lora.kind",
        )
    return Lora(path.name, stamp(path), changes)


def model_with_lora(model: Model, lora: Lora, strength: float) -> tuple[Model, frozenset[str]]:
    """Change a denoiser's weights.

    Args:
        model: Stays as it is.
        lora: The changes; those for other networks are passed over.
        strength: Factor on every change.

    Returns:
        The changed denoiser, and the names in the file of the modules that were changed.
    """
    network: Any = model.network
    weights = dict(network.state_dict())
    ldm = ldm_keys.unet_to_ldm(weights, dict(network.config), "")
    names: dict[str, str] = {}
    for ours, other in zip(weights, ldm, strict=True):
        module, original = ours.removesuffix(".weight"), other.removesuffix(".weight")
        names[f"unet.{module}"] = names[module] = module
        for path in (module, original):
            names[f"lora_unet_{path.replace('.', '_')}"] = module
    changed, used = _merged(network, lora, names, strength)
    return replace(model, network=changed, key=f"{model.key}+{lora.key}*{strength}"), used


def clip_with_lora(clip: Clip, lora: Lora, strength: float) -> tuple[Clip, frozenset[str]]:
    """Change the weights of a text encoder, or of both; see `model_with_lora`."""
    first = ("text_encoder.", "lora_te_", "lora_te1_")
    changed, used = _merged(clip.encoder, lora, _text_names(clip.encoder, *first), strength)
    key = f"{clip.key}+{lora.key}*{strength}"
    if clip.second is None:
        return replace(clip, encoder=changed, key=key), used
    names = _text_names(clip.second, "text_encoder_2.", "lora_te2_")
    second, used_2 = _merged(clip.second, lora, names, strength)
    return replace(clip, encoder=changed, second=second, key=key), used | used_2


def _text_names(encoder: nn.Module, dotted: str, *kohya: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for ours in encoder.state_dict():
        module = ours.removesuffix(".weight")
        for path in (module, f"text_model.{module}"):
            names[dotted + path] = module
            names |= {start + path.replace(".", "_"): module for start in kohya}
    return names


def _merged(
    network: nn.Module, lora: Lora, names: Mapping[str, str], strength: float
) -> tuple[nn.Module, frozenset[str]]:
    changed = copy_sharing(network)
    used = frozenset(lora.changes.keys() & names.keys())
    for name in sorted(used):
        module: Any = changed.get_submodule(names[name])
        weight: Tensor = module.weight
        change = _change(lora, name) * strength
        if change.numel() != weight.numel():
            raise FileProblem(
                f"{lora.name} was made for another model: its change of {names[name]} "
                f"does not fit the weight of shape {tuple(weight.shape)}.",
                "Use it with the model family that it was trained on.",
                "lora.shape",
            )
        merged = weight.float() + change.reshape(weight.shape)
        module.weight = nn.Parameter(merged.to(weight.dtype), requires_grad=False)
    return changed, used


@torch.no_grad()
def _change(lora: Lora, name: str) -> Tensor:
    parts = {part: tensor.float() for part, tensor in lora.changes[name].items()}
    try:
        if "hada_w1_a" in parts:
            rank = parts["hada_w1_b"].shape[0]
            first = parts["hada_w1_a"] @ parts["hada_w1_b"]
            change = first * (parts["hada_w2_a"] @ parts["hada_w2_b"])
        else:
            down, up = parts["lora_down"], parts["lora_up"]
            rank = down.shape[0]
            if "lora_mid" in parts:
                # Tucker form of a convolution: out × rank, rank × rank × h × w, rank × in.
                left, right = up.flatten(1), down.flatten(1)
                change = torch.einsum("or,rshw,si->oihw", left, parts["lora_mid"], right)
            else:
                change = up.flatten(1) @ down.flatten(1)
    except (KeyError, RuntimeError) as error:
        raise FileProblem(
            f"{lora.name} is damaged: its change of {name} is not whole.", code="lora.damaged"
        ) from error
    alpha = parts.get("alpha")
    return change * (float(alpha) / rank) if alpha is not None else change


def _plain(module: str) -> str:
    """Bring early diffusers' name of a module, `attn1.processor.to_out_lora`, into today's."""
    if ".processor." in module:
        module = module.replace(".processor.", ".")
        return module + ".0" if module.endswith(".to_out") else module
    return module
