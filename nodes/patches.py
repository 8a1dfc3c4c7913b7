"""Model patches: change how a model works, without changing its weights."""

from typing import Annotated

from nodes.api import QUIET, Choice, Context, File, Range, node
from nodes.diffusion.adapters.hypernetwork import (
    hypernetwork_patch,
    projections,
    read_hypernetwork,
)
from nodes.diffusion.model_sampling import sigma_at
from nodes.diffusion.patches import tokens as token_patches
from nodes.diffusion.patches import unet as unet_patches
from nodes.diffusion.patches.patch import MaskPatch, NetworkPatch, unet_of, with_patch
from nodes.errors import FileProblem
from nodes.types import Model

GROUP = "models"

Factor = Annotated[float, Range(0, 10, step=0.01)]
Moment = Annotated[float, Range(0, 1, step=0.001)]
Method = Annotated[str, Choice(("bicubic", "nearest-exact", "bilinear", "area", "bislerp"))]


@node("DifferentialDiffusion", title="Differential diffusion", aliases=("inpaint", "soft"))
def differential_diffusion(
    model: Model, strength: Annotated[float, Range(0, 1, step=0.01)] = 1.0
) -> Model:
    """Let a grey mask say how much each place may change: the lighter, the earlier it begins.

    Args:
        model: The denoiser; the latent it samples carries the mask.
        strength: 1 makes every place wait for its time, 0 changes nothing.

    References:
        Levin and Fried 2023, Differential Diffusion: Giving Each Pixel Its Strength,
        arXiv:2306.00950.
    """
    return with_patch(model, MaskPatch(strength))


@node("FreeU", title="FreeU")
def free_u(
    model: Model, b1: Factor = 1.1, b2: Factor = 1.2, s1: Factor = 0.9, s2: Factor = 0.2
) -> Model:
    """Strengthen what a U-Net's depths say against its shortcuts.

    Args:
        model: The denoiser, a U-Net.
        b1: Factor on the depths, on the levels of four times the first channels.
        b2: Factor on the depths, on the levels of two times.
        s1: Factor on the coarse part of the shortcuts, on the levels of four times.
        s2: Factor on the coarse part of the shortcuts, on the levels of two times.

    References:
        Si et al. 2023, FreeU: Free Lunch in Diffusion U-Net, arXiv:2309.11497.
    """
    return _freed(model, (b1, b2), (s1, s2), by_structure=False)


@node("FreeU_V2", title="FreeU V2")
def free_u_v2(
    model: Model, b1: Factor = 1.3, b2: Factor = 1.4, s1: Factor = 0.9, s2: Factor = 0.2
) -> Model:
    """Strengthen what a U-Net's depths say, most where they say most.

    Args:
        model: The denoiser, a U-Net.
        b1: Greatest factor on the depths, on the levels of four times the first channels.
        b2: Greatest factor on the depths, on the levels of two times.
        s1: Factor on the coarse part of the shortcuts, on the levels of four times.
        s2: Factor on the coarse part of the shortcuts, on the levels of two times.

    References:
        Si et al. 2023, FreeU: Free Lunch in Diffusion U-Net, arXiv:2309.11497, second version.
    """
    return _freed(model, (b1, b2), (s1, s2), by_structure=True)


@node("HyperTile", title="HyperTile", aliases=("fast", "large"))
def hyper_tile(
    model: Model,
    tile_size: Annotated[int, Range(1, 2048)] = 256,
    swap_size: Annotated[int, Range(1, 128)] = 2,
    max_depth: Annotated[int, Range(0, 10)] = 0,
    scale_depth: bool = False,
) -> Model:
    """Make large pictures faster: each place looks at its own tile only.

    Args:
        model: The denoiser, a U-Net.
        tile_size: Least side of a tile in pixels of the picture; 32 at the least.
        swap_size: Among how many sizes of tiles each step chooses, which hides their edges.
        max_depth: How many of the coarser levels are tiled too.
        scale_depth: Whether coarser levels have tiles of as many cells, rather than pixels.
    """
    unet_of(model, "HyperTile")
    options = {
        "tile": max(32, tile_size) // model.latent_format.downscale,
        "choices": swap_size,
        "depth": max_depth,
        "scaled": scale_depth,
    }
    return with_patch(model, NetworkPatch(token_patches.hyper_tiled, options))


@node("TomePatchModel", title="Token merging", aliases=("ToMe", "fast"))
def tome_patch_model(model: Model, ratio: Annotated[float, Range(0, 1, step=0.01)] = 0.3) -> Model:
    """Make large pictures faster: places that look alike are computed once.

    Args:
        model: The denoiser, a U-Net.
        ratio: The share that is merged away; 0 changes nothing, and three quarters are the most.

    References:
        Bolya and Hoffman 2023, Token Merging for Fast Stable Diffusion, arXiv:2303.17604.
    """
    unet_of(model, "Token merging")
    if ratio == 0:
        return model
    return with_patch(model, NetworkPatch(token_patches.token_merged, {"ratio": ratio}))


@node("PatchModelAddDownscale", title="Deep shrink (kohya)", aliases=("hires", "large"))
def patch_model_add_downscale(
    model: Model,
    block_number: Annotated[int, Range(1, 32, step=1)] = 3,
    downscale_factor: Annotated[float, Range(0.1, 9, step=0.001)] = 2.0,
    start_percent: Moment = 0.0,
    end_percent: Moment = 0.35,
    downscale_after_skip: bool = True,
    downscale_method: Method = "bicubic",
    upscale_method: Method = "bicubic",
) -> Model:
    """Draw large pictures in one go: early on, the network's depths work at a smaller size.

    Args:
        model: The denoiser, a U-Net.
        block_number: Where to begin: 0 is the first layer, and each layer and halving counts.
        downscale_factor: How many times smaller.
        start_percent: When it begins to hold, 0 being pure noise.
        end_percent: When it ceases to hold, 1 being the finished picture.
        downscale_after_skip: Whether the shortcut at that place keeps its size.
        downscale_method: How to resize on the way down.
        upscale_method: How to resize on the way up.
    """
    unet_of(model, "Deep Shrink")
    options = {
        "block_number": block_number,
        "factor": downscale_factor,
        "first": sigma_at(model.sampling, start_percent),
        "last": sigma_at(model.sampling, end_percent),
        "after_skip": downscale_after_skip,
        "down_method": downscale_method,
        "up_method": upscale_method,
    }
    return with_patch(model, NetworkPatch(unet_patches.deep_shrink, options))


@node("HypernetworkLoader", title="Load hypernetwork")
def hypernetwork_loader(
    model: Model,
    hypernetwork_name: Annotated[str, File("hypernetworks")],
    strength: Annotated[float, Range(-10, 10, step=0.01)] = 1.0,
    *,
    ctx: Context = QUIET,
) -> Model:
    """Put small networks before the keys and values of a denoiser's attention.

    Args:
        model: The denoiser, a U-Net.
        hypernetwork_name: A .pt file of Stable Diffusion 1.
        strength: Factor on what they add; may be negative.
    """
    unet = unet_of(model, "A hypernetwork")
    hypernetwork = read_hypernetwork(ctx.files.path("hypernetworks", hypernetwork_name))
    if next(projections(unet, hypernetwork.widths), None) is None:
        raise FileProblem(
            f"{hypernetwork_name} changes nothing in this model.",
            "It was made for another family of models.",
            "hypernetwork.family",
        )
    if strength == 0:
        return model
    return with_patch(model, hypernetwork_patch(hypernetwork, strength))


def _freed(
    model: Model,
    backbone: tuple[float, float],
    skip: tuple[float, float],
    *,
    by_structure: bool,
) -> Model:
    unet_of(model, "FreeU")
    options = {"backbone": backbone, "skip": skip, "by_structure": by_structure}
    return with_patch(model, NetworkPatch(unet_patches.free_u, options))
