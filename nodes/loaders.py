"""Loaders: from files to models."""

from typing import Annotated, NamedTuple

from nodes.api import QUIET, Context, File, node
from nodes.diffusion.checkpoint import load_checkpoint, load_vae
from nodes.diffusion.checkpoint_networks import Checkpoint
from nodes.errors import FileProblem
from nodes.types import Clip, Model, Vae


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

    The family is told by the weights themselves: Stable Diffusion 1.x, or a file that carries its
    configuration, as the miniature does. Weights stay on disk until they are used.

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
    return _whole(load_checkpoint(ctx.files.path("checkpoints", ckpt_name), ctx.dtype), ckpt_name)


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
    return _whole(load_checkpoint(ctx.files.path("diffusers", model_path), ctx.dtype), model_path)


@node("VAELoader", title="Load VAE")
def vae_loader(vae_name: Annotated[str, File("vae")], *, ctx: Context = QUIET) -> Vae:
    """Load a VAE from a file of its own.

    A file does not tell the scale of its latents: unless its metadata names SDXL, it is taken as
    one of Stable Diffusion 1 or 2.

    Args:
        vae_name: A .safetensors file.

    Returns:
        The VAE.
    """
    return load_vae(ctx.files.path("vae", vae_name), ctx.dtype)


def _whole(checkpoint: Checkpoint, name: str) -> ModelParts:
    if checkpoint.clip is None or checkpoint.vae is None:
        missing = "text encoder" if checkpoint.clip is None else "VAE"
        raise FileProblem(
            f"{name} holds no {missing}.",
            "Choose a checkpoint that holds all of its parts.",
            "checkpoint.parts",
        )
    return ModelParts(checkpoint.model, checkpoint.clip, checkpoint.vae)
