"""Low-rank changes of weights (LoRA), merged into a copy that shares all that they leave alone.

Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models, arXiv:2106.09685. Files come
under several names for the same modules: those of kohya's trainer with diffusers' or LDM's paths,
of peft, and of early diffusers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.lora_changes import PARTS, SYNONYMS, Parts, changed_weight, is_whole
from nodes.diffusion.files.checkpoint_file import read_header, read_weights, stamp
from nodes.diffusion.files.original_names import original_places
from nodes.diffusion.memory.by_layer import kept_values, work_place
from nodes.diffusion.memory.modules import copy_sharing
from nodes.errors import FileProblem
from nodes.types import Clip, Lora, Model

_PART = re.compile(
    r"(?P<module>.+?)[._](?P<part>"
    + "|".join(re.escape(part) for part in sorted((*PARTS, *SYNONYMS), key=len, reverse=True))
    + r")(\.default)?(\.weight)?"
)

# How the names of changes of a text encoder begin.
TEXT_NAMES = ("lora_te_", "lora_te1_", "lora_te2_", "text_encoder.", "text_encoder_2.")


@dataclass(frozen=True)
class Target:
    """What a change is for.

    Attributes:
        modules: Paths in the network; of several the rows of the change are divided among them.
        swapped: Whether the halves of the rows stand the other way round in the file.
    """

    modules: tuple[str, ...]
    swapped: bool = False


Targets: TypeAlias = dict[str, Target]


def read_lora(path: Path) -> Lora:
    """Read a LoRA file: LoRA, LoCon, LoHa, LoKr, OFT or whole differences, with DoRA or without.

    Raises:
        FileProblem: If it is none, or of a kind not known here.
    """
    header = read_header(path)
    changes: dict[str, dict[str, Tensor]] = {}
    unknown: list[str] = []
    for name, tensor in read_weights(path, lambda _: True).items():
        found = _PART.fullmatch(name)
        if found is None:
            unknown.append(name)
        else:
            part = SYNONYMS.get(found["part"], found["part"])
            changes.setdefault(_plain(found["module"]), {})[part] = tensor
    if not changes:
        example = f" ({unknown[0]})" if unknown else ""
        raise FileProblem(
            f"{path.name} is no LoRA of a kind that is known here{example}.",
            "LoRA, LoCon, LoHa, LoKr, OFT and DoRA files can be used.",
            "lora.kind",
        )
    _add_told_alphas(changes, header.metadata)
    # What is no change stands among them, so that it is told that nothing used it.
    for name in unknown:
        changes.setdefault(name, {})
    return Lora(path.name, stamp(path), changes)


def model_with_lora(model: Model, lora: Lora, strength: float) -> tuple[Model, frozenset[str]]:
    """Change a denoiser's weights.

    Args:
        model: Stays as it is.
        lora: The changes; those for other networks are passed over.
        strength: Factor on every change; at 0 the model is given back as it is.

    Returns:
        The changed denoiser, and the names in the file of the modules that were changed.
    """
    targets = _denoiser_targets(model.network)
    changed, used = _merged(model.network, lora, targets, strength)
    if changed is model.network:
        return model, used
    return replace(model, network=changed, key=f"{model.key}+{lora.key}*{strength}"), used


def clip_with_lora(clip: Clip, lora: Lora, strength: float) -> tuple[Clip, frozenset[str]]:
    """Change the weights of a text encoder, or of both; see `model_with_lora`."""
    first = ("text_encoder.", "lora_te_", "lora_te1_")
    encoder, used = _merged(clip.encoder, lora, _text_targets(clip.encoder, *first), strength)
    second = clip.second
    if second is not None:
        targets = _text_targets(second, "text_encoder_2.", "lora_te2_")
        second, of_second = _merged(second, lora, targets, strength)
        used |= of_second
    if encoder is clip.encoder and second is clip.second:
        return clip, used
    key = f"{clip.key}+{lora.key}*{strength}"
    return replace(clip, encoder=encoder, second=second, key=key), used


def _denoiser_targets(network: Any) -> Targets:
    targets: Targets = {}
    modules = dict.fromkeys(name.removesuffix(".weight") for name in network.state_dict())
    for module in modules:
        for start in ("", "unet.", "transformer.", "diffusion_model.", "base_model.model."):
            targets[start + module] = Target((module,))
        for start in _KOHYA:
            targets[start + module.replace(".", "_")] = Target((module,))
    for place in original_places(network):
        if modules.keys() >= set(place.ours):
            target = Target(place.ours, place.swapped)
            targets |= {start + place.theirs.replace(".", "_"): target for start in _KOHYA}
            targets[f"diffusion_model.{place.theirs}"] = target
    return targets


# What kohya's trainer and LyCORIS put before a path whose dots are underscores.
_KOHYA = ("lora_unet_", "lora_transformer_", "lycoris_")


def _text_targets(encoder: nn.Module, dotted: str, *kohya: str) -> Targets:
    targets: Targets = {}
    for ours in encoder.state_dict():
        module = ours.removesuffix(".weight")
        for path in (module, f"text_model.{module}"):
            targets[dotted + path] = Target((module,))
            targets |= {start + path.replace(".", "_"): Target((module,)) for start in kohya}
    return targets


def _merged(
    network: nn.Module, lora: Lora, targets: Targets, strength: float
) -> tuple[nn.Module, frozenset[str]]:
    used = frozenset(lora.changes.keys() & targets.keys())
    if strength == 0 or not used:
        return network, used
    changed = copy_sharing(network)
    for name in sorted(used):
        parts, target = dict(lora.changes[name]), targets[name]
        bias = parts.pop("diff_b", None)
        if parts:
            _change_rows(changed, target, "weight", lora, parts, strength)
        if bias is not None:
            _change_rows(changed, target, "bias", lora, {"diff": bias}, strength)
    return changed, used


def _change_rows(
    network: nn.Module, target: Target, kind: str, lora: Lora, parts: Parts, strength: float
) -> None:
    """Change the weights or biases of a target's modules, which are shared with other networks."""
    layers = [network.get_submodule(module) for module in target.modules]
    # As they are kept: some layers convert their weights when they are asked for one.
    kept = [kept_values(layer, kind) for layer in layers]
    try:
        rows = torch.cat([tensor for tensor in kept if tensor is not None])
        rows = torch.cat(rows.chunk(2)[::-1]) if target.swapped else rows
        merged = changed_weight(rows, parts, strength)
    except (KeyError, RuntimeError, ValueError) as error:
        raise _unfit(lora, target, parts) from error
    merged = torch.cat(merged.chunk(2)[::-1]) if target.swapped else merged
    pieces = torch.split(merged, [0 if tensor is None else len(tensor) for tensor in kept])
    for layer, piece in zip(layers, pieces, strict=True):
        # What the layer computes in: in 8 bits a change would be lost in rounding.
        _, dtype = work_place(layer)
        setattr(layer, kind, nn.Parameter(piece.to(dtype, copy=True), requires_grad=False))


def _unfit(lora: Lora, target: Target, parts: Parts) -> FileProblem:
    if is_whole(parts):
        return FileProblem(
            f"{lora.name} was made for another model: its change of {target.modules[0]} "
            "does not fit there.",
            "Use it with the model family that it was trained on.",
            "lora.shape",
        )
    return FileProblem(
        f"{lora.name} is damaged: its change of {target.modules[0]} is not whole.",
        "Fetch it again.",
        "lora.damaged",
    )


def _add_told_alphas(changes: dict[str, dict[str, Tensor]], metadata: Mapping[str, str]) -> None:
    """Add the alphas that diffusers writes into a file's header, not beside the weights."""
    try:
        told = dict(json.loads(metadata.get("lora_adapter_metadata", "{}")))
        for name, parts in changes.items():
            alpha = told.get(f"{name.partition('.')[0]}.lora_alpha")
            if alpha is not None and "lora_down" in parts:
                parts.setdefault("alpha", torch.tensor(float(alpha)))
    except (ValueError, TypeError) as error:
        raise FileProblem(
            "The header of the LoRA file is damaged.", "Fetch it again.", "lora.damaged"
        ) from error


def _plain(module: str) -> str:
    """Bring early diffusers' name of a module, `attn1.processor.to_out_lora`, into today's."""
    if ".processor." in module:
        module = module.replace(".processor.", ".")
        return module + ".0" if module.endswith(".to_out") else module
    return module
