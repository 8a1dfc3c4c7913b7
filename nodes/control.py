"""Control: steer a denoiser by pictures."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from torch import cat

from nodes.api import QUIET, Choice, Context, File, Range, Shape, node
from nodes.diffusion.adapters.control import is_union, with_control
from nodes.diffusion.adapters.control_file import load_control_net
from nodes.errors import NodeError
from nodes.imaging.batches import as_many
from nodes.imaging.canny import canny
from nodes.imaging.resize import resize
from nodes.types import Conditioning, Control, ControlNet, Image, Mask, Model, Vae

GROUP = "prompts"

Strength = Annotated[float, Range(0, 10, step=0.01)]
Moment = Annotated[float, Range(0, 1, step=0.001)]
Threshold = Annotated[float, Range(0.01, 0.99, step=0.01)]
EDGES = Shape.like("image", channels=3)
# The tasks of unions after "auto" in the order of their numbers.
TASKS = (
    "auto",
    "openpose",
    "depth",
    "hed/pidi/scribble/ted",
    "canny/lineart/anime_lineart/mlsd",
    "normal",
    "segment",
    "tile",
    "repaint",
)


# What unions of Flux do, by the numbers of their makers, and what SDXL's do not know of it.
# Elsewhere they are given SDXL's numbers: by "depth" they are told of tiles there.
FLUX_TASKS = {
    "auto": -1,
    "canny/lineart/anime_lineart/mlsd": 0,
    "tile": 1,
    "depth": 2,
    "blur": 3,
    "openpose": 4,
    "gray": 5,
    "low quality": 6,
}
FLUX_ONLY = ("blur", "gray", "low quality")


class Prompts(NamedTuple):
    """What to follow, and what to lead away from."""

    positive: Conditioning
    negative: Conditioning


@node("ControlNetLoader", title="Load ControlNet")
def control_net_loader(
    control_net_name: Annotated[str, File("controlnet")], *, ctx: Context = QUIET
) -> ControlNet:
    """Load a ControlNet of Stable Diffusion 1, 2, 3, XL or Flux, a union, or a T2I-Adapter.

    Args:
        control_net_name: A .safetensors file, under the original names or those of diffusers, or a
            folder of diffusers.

    Returns:
        The ControlNet.

    References:
        Zhang et al. 2023, Adding Conditional Control to Text-to-Image Diffusion Models,
        arXiv:2302.05543; Mou et al. 2023, T2I-Adapter, arXiv:2302.08453.
    """
    return load_control_net(ctx.files.path("controlnet", control_net_name), ctx.dtype)


@node("DiffControlNetLoader", title="Load ControlNet (difference)")
def diff_control_net_loader(
    model: Model,
    control_net_name: Annotated[str, File("controlnet")],
    *,
    ctx: Context = QUIET,
) -> ControlNet:
    """Load a ControlNet whose file holds what it differs in from a model.

    Args:
        model: The denoiser that it was made for.
        control_net_name: A .safetensors file; one that holds no differences is loaded as it is.

    Returns:
        The ControlNet.
    """
    return load_control_net(ctx.files.path("controlnet", control_net_name), ctx.dtype, model)


@node("SetUnionControlNetType", title="Set union ControlNet type")
def set_union_control_net_type(
    control_net: ControlNet,
    type: Annotated[str, Choice((*TASKS, *FLUX_ONLY))] = "auto",  # noqa: A002
) -> ControlNet:
    """Say what the pictures show that a union ControlNet is to follow.

    Args:
        control_net: A union of ControlNets.
        type: What the pictures are; "auto" tells it nothing, and leaves it to guess.

    Returns:
        The union, set to this task.

    References:
        Xinsir 2024, ControlNet++: All-in-one ControlNet for image generations and editing;
        InstantX 2024, FLUX.1-dev-Controlnet-Union.
    """
    network: Any = control_net.network
    if not is_union(network):
        raise NodeError(
            "This ControlNet is no union: it knows one kind of pictures only.",
            "Leave the node out.",
            "controlnet.union",
        )
    known = union_tasks(network)
    if type not in known:
        raise NodeError(
            f"This union does not know {type}: it knows {', '.join(known)}.",
            "Choose another type, or a union with more tasks.",
            "controlnet.union",
        )
    return replace(control_net, task=known[type])


def union_tasks(network: Any) -> Mapping[str, int]:
    """Give the tasks of a union by name, as their makers number them; -1 names none."""
    config = network.config
    numbers = FLUX_TASKS if "num_mode" in config else {t: n - 1 for n, t in enumerate(TASKS)}
    most = config.get("num_mode") or config.get("num_control_type")
    return {task: number for task, number in numbers.items() if number < most}


@node("ControlNetApply", title="Apply ControlNet (one prompt)")
def control_net_apply(
    conditioning: Conditioning, control_net: ControlNet, image: Image, strength: Strength = 1.0
) -> Conditioning:
    """Steer a prompt by a picture; the negative prompt is steered too, unless it has controls.

    Args:
        conditioning: The prompt.
        control_net: What reads the picture.
        image: Edges, depths, poses: what the ControlNet was trained on.
        strength: How strongly; 0 changes nothing.
    """
    control = Control(control_net, image.pixels[:, :3], strength, both=True)
    (made,) = with_control([conditioning], control)
    return made


@node("ControlNetApplyAdvanced", title="Apply ControlNet")
def control_net_apply_advanced(
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    image: Image,
    vae: Vae | None = None,
    strength: Strength = 1.0,
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
) -> Prompts:
    """Steer a prompt and its negative by a picture, during a part of the sampling.

    Several can follow one another; what they add is summed.

    Args:
        positive: What the picture should show.
        negative: What it should not show.
        control_net: What reads the picture.
        image: Edges, depths, poses: what the ControlNet was trained on.
        vae: The model's, for ControlNets that read latents, as most of Stable Diffusion 3 and Flux
            do; others pass it over.
        strength: How strongly; 0 changes nothing.
        start_percent: When it begins, 0 being pure noise.
        end_percent: When it ends, 1 being the finished picture.

    Returns:
        positive: The steered prompt.
        negative: The steered negative.
    """
    hint = image.pixels[:, :3]
    control = Control(control_net, hint, strength, start_percent, end_percent, vae=vae)
    return Prompts(*with_control([positive, negative], control))


@node("ControlNetApplySD3", title="Apply ControlNet (with VAE)")
def control_net_apply_sd3(
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    vae: Vae,
    image: Image,
    strength: Strength = 1.0,
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
) -> Prompts:
    """Steer a prompt and its negative by a picture that the ControlNet reads as latents.

    Args:
        positive: What the picture should show.
        negative: What it should not show.
        control_net: What reads the picture.
        vae: The model's, which encodes the picture.
        image: Edges, depths, poses: what the ControlNet was trained on.
        strength: How strongly; 0 changes nothing.
        start_percent: When it begins, 0 being pure noise.
        end_percent: When it ends, 1 being the finished picture.

    Returns:
        positive: The steered prompt.
        negative: The steered negative.
    """
    return control_net_apply_advanced(
        positive, negative, control_net, image, vae, strength, start_percent, end_percent
    )


@node("ControlNetInpaintingAliMamaApply", title="Apply inpainting ControlNet (Alimama)")
def control_net_inpainting_alimama_apply(
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    vae: Vae,
    image: Image,
    mask: Mask,
    strength: Strength = 1.0,
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
) -> Prompts:
    """Paint into a picture by a ControlNet that sees what of it is to stay.

    This is for Alimama's ControlNets of Stable Diffusion 3 and Flux.

    Args:
        positive: What should be painted.
        negative: What it should not show.
        control_net: What reads the picture and the mask.
        vae: The model's, which encodes the picture.
        image: The picture to paint into.
        mask: What to paint anew; it is stretched to the picture.
        strength: How strongly; 0 changes nothing.
        start_percent: When it begins, 0 being pure noise.
        end_percent: When it ends, 1 being the finished picture.

    Returns:
        positive: The prompt, with the picture.
        negative: The negative, with the picture.
    """
    pixels = image.pixels[:, :3]
    height, width = pixels.shape[-2:]
    hole = as_many(resize(mask.values, width, height, "bilinear"), len(pixels))
    hint = cat([pixels, hole], dim=1)
    control = Control(control_net, hint, strength, start_percent, end_percent, vae=vae)
    return Prompts(*with_control([positive, negative], control))


@node("Canny", title="Canny", aliases=("edges", "preprocessor"))
def canny_edges(
    image: Image, low_threshold: Threshold = 0.4, high_threshold: Threshold = 0.8
) -> Annotated[Image, EDGES]:
    """Find the edges of pictures: white lines on black, as ControlNets for edges read them.

    Args:
        image: The pictures; alpha is passed over.
        low_threshold: How steep brightness must change for an edge to go on.
        high_threshold: How steep it must change for an edge to begin.

    Returns:
        The edges.

    References:
        Canny 1986, A Computational Approach to Edge Detection, IEEE TPAMI 8(6).
    """
    edges = canny(image.pixels, low_threshold, high_threshold)
    return Image(edges.expand(-1, 3, -1, -1))
