"""Loaders: from files to models."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, NamedTuple

from nodes.api import QUIET, Choice, Context, File, Range, node
from nodes.diffusion.adapters.lora import (
    TEXT_NAMES,
    clip_with_lora,
    model_with_lora,
    read_lora,
)
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint
from nodes.diffusion.files.separate_parts import load_clip, load_denoiser
from nodes.diffusion.files.vae_file import load_vae
from nodes.diffusion.memory.precision import WEIGHT_DTYPES, model_kept_in
from nodes.errors import FileProblem
from nodes.types import Clip, Lora, Model, TextJoin, Vae

GROUP = "models"

CLIP_TYPES = ("stable_diffusion", "sd3", "chroma", "deepfloyd", "stable_cascade")
Place = Annotated[str, Choice(("default", "cpu"))]
Strength = Annotated[float, Range(-100.0, 100.0, step=0.01)]


class ModelParts(NamedTuple):
    """What a checkpoint holds."""

    model: Model
    clip: Clip
    vae: Vae


@node("CheckpointLoaderSimple", title="Load checkpoint", aliases=("model", "safetensors"))
def checkpoint_loader_simple(
    ckpt_name: Annotated[str, File("checkpoints")], *, ctx: Context = QUIET
) -> ModelParts:
    """Load a denoiser, its text encoder and its VAE from one file.

    The family is told by the weights themselves: Stable Diffusion 1, 2, 3, XL and its refiner, the
    x4 upscaler, Flux, their inpainting and editing variants, a stage of Stable Cascade, or a file
    that carries its configuration, as the miniature does. Folders may also hold DeepFloyd IF.
    Weights stay on disk until they are used. A part that is not there is missed only where
    it is used.

    Args:
        ckpt_name: A .safetensors file, or a diffusers folder.

    Returns:
        model: The denoiser.
        clip: The text encoder.
        vae: The VAE.

    References:
        Rombach et al. 2022, High-Resolution Image Synthesis with Latent Diffusion Models,
        arXiv:2112.10752.
    """
    return _parts(load_checkpoint(ctx.files.path("checkpoints", ckpt_name), ctx.dtype))


@node("DiffusersLoader", title="Load diffusers folder")
def diffusers_loader(
    model_path: Annotated[str, File("diffusers")], *, ctx: Context = QUIET
) -> ModelParts:
    """Load a denoiser, its text encoder and its VAE from a folder that diffusers has written.

    Args:
        model_path: A folder with model_index.json and a folder for each part.

    Returns:
        model: The denoiser.
        clip: The text encoder.
        vae: The VAE.
    """
    return _parts(load_checkpoint(ctx.files.path("diffusers", model_path), ctx.dtype))


def _parts(found: Checkpoint) -> ModelParts:
    return ModelParts(found.model, found.clip, found.vae)


@node("VAELoader", title="Load VAE")
def vae_loader(vae_name: Annotated[str, File("vae")], *, ctx: Context = QUIET) -> Vae:
    """Load a VAE from a file of its own.

    Args:
        vae_name: A .safetensors file of Stable Diffusion or Flux, or of what codes for a stage of
            Stable Cascade, or a folder of diffusers.

    Returns:
        The VAE.
    """
    return load_vae(ctx.files.path("vae", vae_name), ctx.dtype)


@node("UNETLoader", title="Load diffusion model", aliases=("unet",))
def unet_loader(
    unet_name: Annotated[str, File("diffusion_models")],
    weight_dtype: Annotated[str, Choice(tuple(WEIGHT_DTYPES))] = "default",
    *,
    ctx: Context = QUIET,
) -> Model:
    """Load a denoiser from a file of its own.

    Args:
        unet_name: A .safetensors file, under the original names or those of diffusers, or a folder
            of diffusers.
        weight_dtype: What matrices are kept in: fp8 takes half the room of half precision and is
            converted layer by layer as it is used. What a file has in fp8 always stays so. The
            fast kind is kept for workflows that name it, and computes as the plain one does.

    Returns:
        The denoiser.
    """
    model = load_denoiser(ctx.files.path("diffusion_models", unet_name), ctx.dtype)
    return model_kept_in(model, weight_dtype)


@node("CLIPLoader", title="Load CLIP")
def clip_loader(
    clip_name: Annotated[str, File("text_encoders")],
    type: Annotated[str, Choice(CLIP_TYPES)] = "stable_diffusion",  # noqa: A002
    device: Place = "default",
    *,
    ctx: Context = QUIET,
) -> Clip:
    """Load a text encoder from a file of its own.

    Which one it is, is told by its width: CLIP L of Stable Diffusion 1, OpenCLIP H of Stable
    Diffusion 2, bigG of SDXL's refiner; Stable Diffusion 3 can read L, bigG or T5 alone, Chroma and
    DeepFloyd IF read T5.

    Args:
        clip_name: A .safetensors file.
        type: The models that it is for.
        device: Where it computes: with the model, or on the CPU, to leave room on the device.

    Returns:
        The text encoder.
    """
    return _clip((clip_name,), type, device, ctx)


@node("DualCLIPLoader", title="Load two CLIPs")
def dual_clip_loader(
    clip_name1: Annotated[str, File("text_encoders")],
    clip_name2: Annotated[str, File("text_encoders")],
    type: Annotated[str, Choice(("sdxl", "sd3", "flux"))] = "sdxl",  # noqa: A002
    device: Place = "default",
    *,
    ctx: Context = QUIET,
) -> Clip:
    """Load two text encoders from files of their own, in either order.

    SDXL reads CLIP L and OpenCLIP bigG, Flux CLIP L and T5, Stable Diffusion 3 any two of them.

    Args:
        clip_name1: A .safetensors file.
        clip_name2: The other one.
        type: The models that they are for.
        device: Where they compute: with the model, or on the CPU, to leave room on the device.

    Returns:
        The pair of text encoders.
    """
    return _clip((clip_name1, clip_name2), type, device, ctx)


@node("TripleCLIPLoader", title="Load three CLIPs")
def triple_clip_loader(
    clip_name1: Annotated[str, File("text_encoders")],
    clip_name2: Annotated[str, File("text_encoders")],
    clip_name3: Annotated[str, File("text_encoders")],
    *,
    ctx: Context = QUIET,
) -> Clip:
    """Load the three text encoders of Stable Diffusion 3 from files of their own, in any order.

    Args:
        clip_name1: A .safetensors file: CLIP L, OpenCLIP bigG or T5.
        clip_name2: Another one.
        clip_name3: The third one.

    Returns:
        The text encoders.
    """
    return _clip((clip_name1, clip_name2, clip_name3), "sd3", "default", ctx)


def _clip(names: tuple[str, ...], type_: str, device: str, ctx: Context) -> Clip:
    paths = [ctx.files.path("text_encoders", name) for name in names]
    on_cpu = device == "cpu"
    # A CPU computes in float32 as fast as in less.
    clip = load_clip(paths, "float32" if on_cpu else ctx.dtype, _JOINS.get(type_, "side by side"))
    return replace(clip, on_cpu=on_cpu)


_JOINS: Mapping[str, TextJoin] = {
    "sd3": "sd3",
    "flux": "flux",
    "chroma": "chroma",
    "deepfloyd": "deepfloyd",
    "stable_cascade": "stable cascade",
}


class ModelAndClip(NamedTuple):
    """A denoiser and its text encoder."""

    model: Model
    clip: Clip


@node("LoraLoader", title="Load LoRA")
def lora_loader(
    model: Model,
    clip: Clip,
    lora_name: Annotated[str, File("loras")],
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    *,
    ctx: Context = QUIET,
) -> ModelAndClip:
    """Change a denoiser and its text encoder by a LoRA file.

    LoRA, LoCon, LoHa, LoKr, OFT and whole differences are known, each with DoRA or without, under
    the names of kohya's trainer, LyCORIS, peft and diffusers.

    Args:
        model: The denoiser.
        clip: Its text encoder.
        lora_name: A .safetensors file.
        strength_model: Factor on the change of the denoiser; may be negative.
        strength_clip: Factor on the change of the text encoder; may be negative.

    Returns:
        model: The changed denoiser.
        clip: The changed text encoder.

    References:
        Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models, arXiv:2106.09685.
    """
    lora = read_lora(ctx.files.path("loras", lora_name))
    changed, of_model = model_with_lora(model, lora, strength_model)
    encoder, of_clip = clip_with_lora(clip, lora, strength_clip)
    _tell_unused(lora, of_model | of_clip, frozenset(), ctx)
    return ModelAndClip(changed, encoder)


@node("LoraLoaderModelOnly", title="Load LoRA (model only)")
def lora_loader_model_only(
    model: Model,
    lora_name: Annotated[str, File("loras")],
    strength_model: Strength = 1.0,
    *,
    ctx: Context = QUIET,
) -> Model:
    """Change a denoiser by a LoRA file, and leave the text encoder as it is.

    Args:
        model: The denoiser.
        lora_name: A .safetensors file.
        strength_model: Factor on the change; may be negative.

    Returns:
        The changed denoiser.
    """
    lora = read_lora(ctx.files.path("loras", lora_name))
    changed, used = model_with_lora(model, lora, strength_model)
    of_text = frozenset(name for name in lora.changes if name.startswith(TEXT_NAMES))
    _tell_unused(lora, used, of_text, ctx)
    return changed


def _tell_unused(lora: Lora, used: frozenset[str], left_out: frozenset[str], ctx: Context) -> None:
    if not used:
        raise FileProblem(
            f"{lora.name} changes nothing in this model.",
            "It was made for another family of models.",
            "lora.family",
        )
    left = sorted(lora.changes.keys() - used - left_out)
    if left:
        ctx.warn(
            f"{len(left)} of {len(lora.changes)} changes in {lora.name} were not used, "
            f"{left[0]} among them.",
            "It may have been made for another family of models.",
        )
