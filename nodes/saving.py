"""Saving: models as files of their own, such as merged ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from nodes.api import QUIET, Choice, Context, FileName, Range, node
from nodes.diffusion.adapters.lora_extraction import change_of, clip_layers, model_layers
from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.model_files import (
    Weights,
    denoiser_weights,
    encoder_files,
    metadata,
    text_weights,
    vae_weights,
    write_weights,
)
from nodes.errors import NodeError
from nodes.types import Clip, Model, Vae

GROUP = "models"

Prefix = Annotated[str, FileName()]


@node("CheckpointSave", title="Save checkpoint")
def checkpoint_save(
    model: Model,
    clip: Clip,
    vae: Vae,
    filename_prefix: Prefix = "checkpoints/weft",
    *,
    ctx: Context = QUIET,
) -> None:
    """Save a denoiser, its text encoders and its VAE as one file, in the output folder.

    What LoRAs and merges have changed is saved as it is now; patches are not a part of the file.

    Args:
        model: The denoiser.
        clip: Its text encoders.
        vae: Its VAE.
        filename_prefix: Start of the file's name; `/` makes folders.
    """
    weights = denoiser_weights(model) | text_weights(clip)
    weights |= vae_weights(vae, ldm_keys.VAE_PREFIX)
    _save(weights, metadata(model, model.latent_format), filename_prefix, ctx)


@node("ModelSave", title="Save model")
def model_save(
    model: Model, filename_prefix: Prefix = "diffusion_models/weft", *, ctx: Context = QUIET
) -> None:
    """Save a denoiser as a file of its own, in the output folder.

    Args:
        model: The denoiser; patches are not a part of the file.
        filename_prefix: Start of the file's name; `/` makes folders.
    """
    _save(denoiser_weights(model), metadata(model, model.latent_format), filename_prefix, ctx)


@node("VAESave", title="Save VAE")
def vae_save(vae: Vae, filename_prefix: Prefix = "vae/weft", *, ctx: Context = QUIET) -> None:
    """Save a VAE as a file of its own, in the output folder.

    Args:
        vae: The VAE.
        filename_prefix: Start of the file's name; `/` makes folders.
    """
    _save(vae_weights(vae, ""), metadata(None, vae.latent_format), filename_prefix, ctx)


@node("CLIPSave", title="Save CLIP")
def clip_save(clip: Clip, filename_prefix: Prefix = "clip/weft", *, ctx: Context = QUIET) -> None:
    """Save text encoders as a file each, in the output folder.

    Args:
        clip: The text encoders.
        filename_prefix: Start of the files' names, to which `clip_l`, `clip_g` or `t5xxl` is added;
            `/` makes folders.
    """
    files = encoder_files(clip)
    for number, (name, weights) in enumerate(files.items()):
        part = ctx.part(number / len(files), (number + 1) / len(files))
        _save(weights, {}, f"{filename_prefix}_{name}", part)


@node("LoraSave", title="Extract and save LoRA", aliases=("extract",))
def lora_save(
    filename_prefix: Prefix = "loras/weft",
    rank: Annotated[int, Range(1, 4096)] = 8,
    lora_type: Annotated[str, Choice(("standard", "full_diff"))] = "standard",
    bias_diff: bool = True,
    model_diff: Model | None = None,
    text_encoder_diff: Clip | None = None,
    *,
    ctx: Context = QUIET,
) -> None:
    """Save a difference between models as a LoRA, in the output folder.

    The nodes that subtract models make differences. Added to the model that was subtracted, the
    LoRA comes as near to the other one as its rank allows.

    Args:
        filename_prefix: Start of the file's name; `/` makes folders.
        rank: How much of the difference is kept: more is nearer, and a larger file.
        lora_type: "full_diff" keeps the whole difference, whatever the rank.
        bias_diff: Whether the differences of biases are kept, too.
        model_diff: A difference of denoisers.
        text_encoder_diff: A difference of text encoders.
    """
    layers = [] if model_diff is None else list(model_layers(model_diff))
    layers += [] if text_encoder_diff is None else list(clip_layers(text_encoder_diff))
    kept = rank if lora_type == "standard" else None
    changes: Weights = {}
    for name, layer in ctx.track(layers, len(layers)):
        changes |= change_of(name, layer, kept, bias_diff, ctx.device)
    if not changes:
        raise NodeError(
            "There is no difference to save.",
            "Connect what ModelMergeSubtract or CLIPMergeSubtract gives.",
            "lora.empty",
        )
    _save(changes, {}, filename_prefix, ctx)


def _save(weights: Weights, told: Mapping[str, str], prefix: str, ctx: Context) -> None:
    def write(path: Path, texts: Mapping[str, str]) -> None:
        write_weights(path, weights, {**texts, **told})

    ctx.save(
        write,
        prefix=prefix,
        suffix=".safetensors",
        mime="application/octet-stream",
        about={"kind": "model"},
    )
