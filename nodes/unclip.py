"""unCLIP: let a model draw what is seen in pictures."""

from typing import Annotated, NamedTuple

from nodes.api import QUIET, Context, File, Range, node
from nodes.diffusion.adapters.clip_vision import load_clip_vision
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.inputs.unclip import summary_spread, with_picture
from nodes.diffusion.patches.patch import with_patch
from nodes.types import Clip, ClipVision, ClipVisionOutput, Conditioning, Model, Vae

GROUP = "prompts"


class UnclipParts(NamedTuple):
    """What a checkpoint of unCLIP holds."""

    model: Model
    clip: Clip
    vae: Vae
    clip_vision: ClipVision


@node("unCLIPCheckpointLoader", title="Load unCLIP checkpoint")
def unclip_checkpoint_loader(
    ckpt_name: Annotated[str, File("checkpoints")], *, ctx: Context = QUIET
) -> UnclipParts:
    """Load a checkpoint of Stable Diffusion 2.1 unCLIP, with its image encoder.

    Args:
        ckpt_name: A .safetensors file, or a diffusers folder.

    Returns:
        model: The denoiser.
        clip: The text encoder.
        vae: The VAE.
        clip_vision: The image encoder, whose words the denoiser reads.
    """
    path = ctx.files.path("checkpoints", ckpt_name)
    found = load_checkpoint(path, ctx.dtype)
    vision = load_clip_vision(path / "image_encoder" if path.is_dir() else path, ctx.dtype)
    spread = summary_spread(path)
    model = found.model if spread is None else with_patch(found.model, spread)
    return UnclipParts(model, found.clip, found.vae, vision)


@node("unCLIPConditioning", title="unCLIP conditioning", aliases=("image variation",))
def unclip_conditioning(
    conditioning: Conditioning,
    clip_vision_output: ClipVisionOutput,
    strength: Annotated[float, Range(-10, 10, step=0.01)] = 1.0,
    noise_augmentation: Annotated[float, Range(0, 1, step=0.01)] = 0.0,
) -> Conditioning:
    """Have a model of unCLIP draw what is seen in pictures, beside the prompt.

    Several follow one another, to mix what is seen in each.

    Args:
        conditioning: The prompt.
        clip_vision_output: What the checkpoint's image encoder says of the pictures.
        strength: How much they count.
        noise_augmentation: How freely they are followed: 0 holds to them, 1 takes hardly a trait.

    Returns:
        The prompt with the pictures.

    References:
        Ramesh et al. 2022, Hierarchical Text-Conditional Image Generation with CLIP Latents,
        arXiv:2204.06125.
    """
    if strength == 0:
        return conditioning
    return with_picture(conditioning, clip_vision_output, strength, noise_augmentation)
