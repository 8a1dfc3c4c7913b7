"""Speed: compute less, or faster, for nearly or exactly the same picture."""

from dataclasses import replace
from typing import Annotated

from nodes.api import Choice, Range, node
from nodes.diffusion.memory.compiling import BACKENDS, compiled
from nodes.diffusion.model_sampling import sigma_at
from nodes.diffusion.patches.deep_cache import deep_cached
from nodes.diffusion.patches.patch import (
    LonePatch,
    RememberingPatch,
    SamplingPatch,
    unet_of,
    with_patch,
)
from nodes.diffusion.patches.reuse import easily_cached, lazily
from nodes.errors import NodeError
from nodes.types import Model, Vae

GROUP = "models"

Moment = Annotated[float, Range(0, 1, step=0.01)]
Threshold = Annotated[float, Range(0, 3, step=0.01)]


@node("DeepCache", title="DeepCache", aliases=("fast", "cache"))
def deep_cache(
    model: Model,
    cache_interval: Annotated[int, Range(1, 50)] = 3,
    cache_depth: Annotated[int, Range(1, 12)] = 2,
    start_percent: Moment = 0.0,
    end_percent: Moment = 1.0,
) -> Model:
    """Compute the depths of a U-Net at some steps only, and keep what they give for the others.

    Args:
        model: The denoiser, a U-Net.
        cache_interval: Of so many steps one computes everything; 1 changes nothing.
        cache_depth: How many layers of each way are computed always: more are finer and slower.
        start_percent: The part of the sampling from which on it holds.
        end_percent: The part up to which it holds.

    References:
        Ma et al. 2023, DeepCache: Accelerating Diffusion Models for Free, arXiv:2312.00858.
    """
    unet_of(model, "DeepCache")
    options = {
        "interval": cache_interval,
        "depth": cache_depth,
        "first": sigma_at(model.sampling, start_percent),
        "last": sigma_at(model.sampling, end_percent),
    }
    return with_patch(model, RememberingPatch(deep_cached, options))


@node("EasyCache", title="EasyCache", aliases=("fast", "cache"))
def easy_cache(
    model: Model,
    reuse_threshold: Threshold = 0.2,
    start_percent: Moment = 0.15,
    end_percent: Moment = 0.95,
    verbose: bool = False,
) -> Model:
    """Leave out calls of the network while what it gives changes little.

    Args:
        model: The denoiser, of any kind.
        reuse_threshold: How far outputs may go, as a share of their size, before the network is
            called again; 0 changes nothing.
        start_percent: The part of the sampling from which on it holds.
        end_percent: The part up to which it holds.
        verbose: Write to the log where a call was left out.

    References:
        Zhou et al. 2025, Less is Enough: Training-Free Video Diffusion Acceleration via
        Runtime-Adaptive Caching, arXiv:2507.02860.
    """
    options = _options(model, reuse_threshold, start_percent, end_percent, verbose)
    return with_patch(model, RememberingPatch(easily_cached, options))


@node("LazyCache", title="LazyCache", aliases=("fast", "cache"))
def lazy_cache(
    model: Model,
    reuse_threshold: Threshold = 0.2,
    start_percent: Moment = 0.15,
    end_percent: Moment = 0.95,
    verbose: bool = False,
) -> Model:
    """Leave out whole estimates, guidance included, while their direction changes little.

    Args:
        model: The denoiser, of any kind.
        reuse_threshold: How far the direction may go, as a share of its size, before it is
            computed again; 0 changes nothing.
        start_percent: The part of the sampling from which on it holds.
        end_percent: The part up to which it holds.
        verbose: Write to the log where an estimate was left out.

    References:
        Zhou et al. 2025, Less is Enough: Training-Free Video Diffusion Acceleration via
        Runtime-Adaptive Caching, arXiv:2507.02860.
    """
    options = _options(model, reuse_threshold, start_percent, end_percent, verbose)
    return with_patch(model, SamplingPatch(lazily, options))


@node("TorchCompileModel", title="Torch compile model", aliases=("fast", "inductor"))
def torch_compile_model(
    model: Model, backend: Annotated[str, Choice(tuple(BACKENDS))] = "inductor"
) -> Model:
    """Compile the network for the device: the first step takes minutes, later ones less time.

    What was compiled is kept on disk. Calls that other patches of the model change from within,
    such as FreeU or DeepCache, are made uncompiled; LoRAs, ControlNets and guidance are not such.

    Args:
        model: The denoiser.
        backend: What compiles: inductor, which needs a C++ compiler or Triton, or CUDA's graphs.
    """
    return with_patch(model, LonePatch(compiled, {"backend": backend}))


@node("TorchCompileVAE", title="Torch compile VAE", aliases=("fast", "inductor"))
def torch_compile_vae(
    vae: Vae, backend: Annotated[str, Choice(tuple(BACKENDS))] = "inductor"
) -> Vae:
    """Compile a VAE for the device: its first picture of a size takes minutes, later ones less.

    What was compiled is kept on disk. Pictures that are coded in tiles are coded uncompiled.

    Args:
        vae: The VAE.
        backend: What compiles: inductor, which needs a C++ compiler or Triton, or CUDA's graphs.
    """
    if not (hasattr(vae.network, "encoder") and hasattr(vae.network, "decoder")):
        raise NodeError(
            "This VAE has no encoder and decoder to compile: it works on pixels, or is Stable "
            "Cascade's.",
            "Leave the node out.",
            "compile.vae",
        )
    return replace(vae, compiled_by=backend)


def _options(
    model: Model, threshold: float, start: float, end: float, verbose: bool
) -> dict[str, float | bool]:
    return {
        "threshold": threshold,
        "first": sigma_at(model.sampling, start),
        "last": sigma_at(model.sampling, end),
        "verbose": verbose,
    }
