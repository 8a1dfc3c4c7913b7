"""Video: a picture that begins to move, or that is seen from another side."""

from typing import Annotated, NamedTuple

import torch

from nodes.api import QUIET, Context, File, Range, Shape, node
from nodes.diffusion.adapters.clip_vision import encode_image, load_clip_vision, prepared
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.inputs import video
from nodes.diffusion.inputs.zero123 import camera_projection, seen_from
from nodes.diffusion.latent_space import told_scale
from nodes.diffusion.patches.patch import GuidancePatch, with_patch
from nodes.diffusion.vae import encode_once, fitted
from nodes.imaging.resize import resize
from nodes.types import ClipVision, Cond, Conditioning, Image, Latent, Model, Vae

GROUP = "sampling"

Side = Annotated[int, Range(16, 16_384, step=8)]
Least = Annotated[float, Range(0, 100, step=0.5)]
FRAMES = Shape(
    batch="video_frames", channels=4, height=("//", "height", 8), width=("//", "width", 8)
)


VIEWS = Shape(batch="batch_size", channels=4, height=("//", "height", 8), width=("//", "width", 8))
Degrees = Annotated[float, Range(-180, 180, step=0.1)]


class VideoParts(NamedTuple):
    """What a checkpoint that starts from a picture alone holds."""

    model: Model
    clip_vision: ClipVision
    vae: Vae


@node("ImageOnlyCheckpointLoader", title="Load image-only checkpoint", aliases=("video", "svd"))
def image_only_checkpoint_loader(
    ckpt_name: Annotated[str, File("checkpoints")], *, ctx: Context = QUIET
) -> VideoParts:
    """Load Stable Video Diffusion or Stable Zero123, which read a picture and no text.

    Args:
        ckpt_name: A .safetensors file, or a diffusers folder.

    Returns:
        model: The denoiser.
        clip_vision: The image encoder, whose words the denoiser reads.
        vae: The VAE.

    References:
        Blattmann et al. 2023, Stable Video Diffusion: Scaling Latent Video Diffusion Models to
        Large Datasets, arXiv:2311.15127.
    """
    path = ctx.files.path("checkpoints", ckpt_name)
    found = load_checkpoint(path, ctx.dtype)
    vision = load_clip_vision(path / "image_encoder" if path.is_dir() else path, ctx.dtype)
    projection = camera_projection(path)
    model = found.model if projection is None else with_patch(found.model, projection)
    return VideoParts(model, vision, found.vae)


class MovingParts(NamedTuple):
    """Prompts that show the picture to set in motion, and an empty latent for each frame."""

    positive: Conditioning
    negative: Conditioning
    latent: Annotated[Latent, FRAMES]


@node("SVD_img2vid_Conditioning", title="SVD image-to-video conditioning", aliases=("video",))
def svd_img2vid_conditioning(
    clip_vision: ClipVision,
    init_image: Image,
    vae: Vae,
    width: Side = 1024,
    height: Side = 576,
    video_frames: Annotated[int, Range(1, 4096)] = 14,
    motion_bucket_id: Annotated[int, Range(1, 1023)] = 127,
    fps: Annotated[int, Range(1, 1024)] = 6,
    augmentation_level: Annotated[float, Range(0, 10, step=0.01)] = 0.0,
    *,
    ctx: Context = QUIET,
) -> MovingParts:
    """Show Stable Video Diffusion the picture that it sets in motion.

    The latent has the frames as a batch: what is decoded of it can be saved as an animation.

    Args:
        clip_vision: The checkpoint's image encoder.
        init_image: The picture; it is cut about the middle to the video's form.
        vae: The checkpoint's VAE.
        width: Of the video, in pixels.
        height: Of the video, in pixels.
        video_frames: How many are made; 14 or 25, as the checkpoint was trained.
        motion_bucket_id: How much moves; 127 is usual.
        fps: How many frames make a second.
        augmentation_level: How much noise is put on the picture: more lets go of it sooner.

    Returns:
        positive: What is seen in the picture, and the picture itself.
        negative: Nothing of it.
        latent: An empty latent for each frame.

    References:
        Blattmann et al. 2023, Stable Video Diffusion: Scaling Latent Video Diffusion Models to
        Large Datasets, arXiv:2311.15127.
    """
    summary, shown = _looked_at(init_image, clip_vision, vae, (width, height), ctx)
    words = summary[:, None]
    # Noise beyond black and white is part of what it was trained on; pixels are in [0, 1] here.
    noise = torch.randn(shown.shape, generator=torch.Generator().manual_seed(0))
    with ctx.resident(vae) as placed:
        samples = encode_once(placed, shown + noise * (augmentation_level / 2))
    motion = {
        "motion_bucket_id": motion_bucket_id,
        "fps": fps,
        "augmentation_level": augmentation_level,
    }
    picture = {"edit_picture": samples, **told_scale(vae.latent_format)}
    positive = Cond(words, extras={**motion, **picture})
    negative = Cond(torch.zeros_like(words), extras=motion)
    empty = torch.zeros(video_frames, *samples.shape[1:])
    return MovingParts(Conditioning((positive,)), Conditioning((negative,)), Latent(empty))


class ViewParts(NamedTuple):
    """Prompts that show a thing and where to look from, and an empty latent."""

    positive: Conditioning
    negative: Conditioning
    latent: Annotated[Latent, VIEWS]


@node("StableZero123_Conditioning", title="Stable Zero123 conditioning", aliases=("3d", "view"))
def stable_zero123_conditioning(
    clip_vision: ClipVision,
    init_image: Image,
    vae: Vae,
    width: Side = 256,
    height: Side = 256,
    batch_size: Annotated[int, Range(1, 4096)] = 1,
    elevation: Degrees = 0.0,
    azimuth: Degrees = 0.0,
    *,
    ctx: Context = QUIET,
) -> ViewParts:
    """Show Stable Zero123 a thing, and say from where it is to be seen.

    Args:
        clip_vision: The checkpoint's image encoder.
        init_image: The thing, before a plain ground.
        vae: The checkpoint's VAE.
        width: Of the new picture, in pixels.
        height: Of the new picture, in pixels.
        batch_size: How many pictures are drawn at once.
        elevation: How far the camera rises, in degrees.
        azimuth: How far the camera goes around the thing, in degrees.

    Returns:
        positive: What is seen in the picture, how the camera moves, and the picture itself.
        negative: Nothing of it.
        latent: An empty latent for each picture.

    References:
        Liu et al. 2023, Zero-1-to-3: Zero-shot One Image to 3D Object, arXiv:2303.11328.
    """
    summary, shown = _looked_at(init_image, clip_vision, vae, (width, height), ctx)
    with ctx.resident(vae) as placed:
        samples = encode_once(placed, shown)
    picture = {"edit_picture": samples, **told_scale(vae.latent_format)}
    positive = Cond(seen_from(summary, elevation, azimuth), extras=picture)
    negative = Cond(torch.zeros_like(summary)[:, None])
    empty = torch.zeros(batch_size, *samples.shape[1:])
    return ViewParts(Conditioning((positive,)), Conditioning((negative,)), Latent(empty))


def _looked_at(
    image: Image, vision: ClipVision, vae: Vae, size: tuple[int, int], ctx: Context
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give what an image encoder says of a picture, and the picture at a size."""
    first = image.pixels[:1, :3]
    with ctx.resident(vision) as placed:
        seen = encode_image(placed, prepared(first, placed.size, False, placed.colours))
    at_size = resize(first, *size, "bilinear", "center")
    return seen.image_embeds, fitted(at_size, vae.latent_format.downscale)


@node("VideoLinearCFGGuidance", title="Video guidance (rising)")
def video_linear_cfg_guidance(model: Model, min_cfg: Least = 1.0) -> Model:
    """Guide each frame more than the one before, since the first is the given picture.

    Args:
        model: A denoiser of videos.
        min_cfg: How strongly the first frame is guided; the last has the sampler's whole scale.

    Returns:
        The denoiser, guided so.

    References:
        Blattmann et al. 2023, Stable Video Diffusion: Scaling Latent Video Diffusion Models to
        Large Datasets, arXiv:2311.15127, appendix D.
    """
    return with_patch(model, GuidancePatch(video.rising, {"least": min_cfg}))


@node("VideoTriangleCFGGuidance", title="Video guidance (rising and falling)")
def video_triangle_cfg_guidance(model: Model, min_cfg: Least = 1.0) -> Model:
    """Guide the middle frame most, for a view that comes back to where it began.

    Args:
        model: A denoiser of videos.
        min_cfg: How strongly the first and the last frame are guided; the middle one has the
            sampler's whole scale.

    Returns:
        The denoiser, guided so.

    References:
        Voleti et al. 2024, SV3D: Novel Multi-view Synthesis and 3D Generation from a Single Image
        using Latent Video Diffusion, arXiv:2403.12008.
    """
    return with_patch(model, GuidancePatch(video.rising_and_falling, {"least": min_cfg}))
