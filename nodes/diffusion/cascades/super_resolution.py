"""Diffusion models that enlarge pictures, on disk: which one it is, and its parts."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from diffusers import UNet2DModel, VQModel
from torch import Tensor

from nodes.diffusion.files import latent_diffusion_keys as keys
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_file import Header, read_header, read_weights, stamp
from nodes.diffusion.files.checkpoint_folder import read_json, read_part
from nodes.diffusion.files.checkpoint_networks import Checkpoint, configured, filled, model_sampling
from nodes.diffusion.files.families import UPSCALER, UPSCALER_NOISE
from nodes.diffusion.files.weight_shapes import Config
from nodes.diffusion.memory.missing_part import missing_clip
from nodes.errors import FileProblem
from nodes.types import Clip, DiffusionUpscaler, LatentFormat, Model, Vae

# What Stable Diffusion's x4 upscaler was trained up to.
MOST_NOISE = 350


class UpscalerParts(NamedTuple):
    """An upscaler, and the text encoder that it reads prompts of."""

    diffusion_upscaler: DiffusionUpscaler
    clip: Clip


def load_upscaler_parts(path: Path, dtype: str) -> UpscalerParts:
    """Load a file of this project's, of Stable Diffusion's or latent diffusion's, or a folder.

    In place of a text encoder that it lacks stands one that says so.

    Args:
        path: A .safetensors file of an upscaler that enlarges four times, or a diffusers folder
            with model_index.json.
        dtype: What to compute in.

    Raises:
        FileProblem: If it holds something else.
    """
    if path.is_dir():
        return _of_folder(path, dtype)
    header = read_header(path)
    if keys.is_latent_diffusion_upscaler(header.shapes):
        return _latent_diffusion_file(header, dtype)
    if "weft.config" in header.metadata:
        return UpscalerParts(
            load_diffusion_upscaler(path, dtype), missing_clip(path.name, stamp(path))
        )
    found = load_checkpoint(path, dtype)
    if found.family != UPSCALER:
        raise _no_upscaler(path)
    return UpscalerParts(_latent_upscaler(found, UPSCALER_NOISE, MOST_NOISE), found.clip)


def _of_folder(folder: Path, dtype: str) -> UpscalerParts:
    index = read_json(folder, "model_index.json")
    make = _PIPELINES.get(str(index.get("_class_name")))
    if make is None:
        raise _no_upscaler(folder)
    return make(folder, index, dtype)


def _stable_diffusion_x4(folder: Path, index: Config, dtype: str) -> UpscalerParts:
    noise = read_json(folder / "low_res_scheduler", "scheduler_config.json")
    found = load_checkpoint(folder, dtype)
    most = int(index.get("max_noise_level", MOST_NOISE))
    return UpscalerParts(_latent_upscaler(found, noise, most), found.clip)


def _stable_diffusion_x2(folder: Path, index: Config, dtype: str) -> UpscalerParts:
    found = load_checkpoint(folder, dtype)
    upscaler = DiffusionUpscaler(model=found.model, scale=2, kind="latent", vae=found.vae)
    return UpscalerParts(upscaler, found.clip)


def _latent_diffusion(folder: Path, index: Config, dtype: str) -> UpscalerParts:
    parts = _Part.of_folder(folder / "unet"), _Part.of_folder(folder / "vqvae")
    noise = read_json(folder / "scheduler", "scheduler_config.json")
    return _latent_diffusion_upscaler(folder, *parts, noise, dtype)


def _latent_diffusion_file(header: Header, dtype: str) -> UpscalerParts:
    shapes, weights = header.shapes, read_weights(header.path, lambda name: True)
    form, coder = keys.denoiser_config(shapes), keys.coder_config(shapes)
    parts = (
        _Part(form, keys.denoiser_weights(weights, form)),
        _Part(coder, keys.coder_weights(weights, coder)),
    )
    return _latent_diffusion_upscaler(header.path, *parts, keys.NOISE, dtype)


class _Part(NamedTuple):
    """A network on disk."""

    config: Config
    weights: Mapping[str, Tensor]

    @classmethod
    def of_folder(cls, folder: Path) -> "_Part":
        return cls(read_json(folder, "config.json"), read_part(folder))


def _latent_diffusion_upscaler(
    path: Path, denoiser: _Part, coder: _Part, noise: Config, dtype: str
) -> UpscalerParts:
    """Load the upscaler of Rombach et al. 2022, arXiv:2112.10752, 4.4: no text, no noise."""
    key = stamp(path)
    with torch.device("meta"):
        unet = configured("UNet", UNet2DModel.from_config, denoiser.config)
        vae = configured("VAE", VQModel.from_config, coder.config)
    unet = filled(unet, denoiser.weights, dtype, "UNet")
    vae = filled(vae, coder.weights, "float32", "VAE")
    downscale = 2 ** (len(coder.config["block_out_channels"]) - 1)
    latents = LatentFormat(coder.config.get("latent_channels", 3), 1.0, downscale)
    model = Model(unet, model_sampling(noise), latents, dtype, f"{key}#unet")
    upscaler = DiffusionUpscaler(
        model=model,
        scale=downscale,
        kind="picture",
        vae=Vae(vae, latents, "float32", f"{key}#vae"),
    )
    return UpscalerParts(upscaler, missing_clip(path.name, key))


def _deepfloyd_if(folder: Path, index: Config, dtype: str) -> UpscalerParts:
    """Load a stage that makes large pixels of small ones; it always makes them four times so."""
    noise = read_json(folder / "image_noising_scheduler", "scheduler_config.json")
    found, noising = load_checkpoint(folder, dtype), model_sampling(noise)
    upscaler = DiffusionUpscaler(
        model=found.model,
        scale=4,
        kind="stretched",
        most_noise=len(noising.sigmas) - 1,
        noising=noising,
    )
    return UpscalerParts(upscaler, found.clip)


def _latent_upscaler(found: Checkpoint, noise: Config, most: int) -> DiffusionUpscaler:
    # It sees a pixel of the small picture beside each cell of the latent.
    return DiffusionUpscaler(
        model=found.model,
        scale=found.vae.latent_format.downscale,
        kind="picture",
        most_noise=most,
        noising=model_sampling(noise),
        vae=found.vae,
    )


_PIPELINES: Mapping[str, Callable[[Path, Config, str], UpscalerParts]] = MappingProxyType(
    {
        "StableDiffusionUpscalePipeline": _stable_diffusion_x4,
        "StableDiffusionLatentUpscalePipeline": _stable_diffusion_x2,
        "LDMSuperResolutionPipeline": _latent_diffusion,
        "IFSuperResolutionPipeline": _deepfloyd_if,
    }
)


def load_diffusion_upscaler(path: Path, dtype: str) -> DiffusionUpscaler:
    """Load a file that this project's training made.

    It holds a UNet2DModel's weights under diffusers' names, and in its header's `weft.config` the
    configurations `unet` and `scheduler` and, as `upscaler`, the scale, the factor `detail` on what
    is folded, and `most_noise`.

    Raises:
        FileProblem: If it holds something else.
    """
    header = read_header(path)
    config = _config(header)
    own = config["upscaler"]
    with torch.device("meta"):
        network = configured("UNet", UNet2DModel.from_config, config["unet"])
    network = filled(network, read_weights(path, lambda name: True), dtype, "UNet")
    sampling = model_sampling(config["scheduler"])
    scale = int(own["scale"])
    latents = LatentFormat(3 * scale**2, 1.0, downscale=scale)
    return DiffusionUpscaler(
        model=Model(network, sampling, latents, dtype, f"{stamp(path)}#unet"),
        scale=scale,
        most_noise=int(own["most_noise"]),
        noising=sampling,
        detail=float(own["detail"]),
    )


def _config(header: Header) -> Mapping[str, Any]:
    try:
        config: Mapping[str, Any] = json.loads(header.metadata["weft.config"])
        missing = {"scale", "most_noise", "detail"} - config["upscaler"].keys()
        if missing or not {"unet", "scheduler"} <= config.keys():
            raise KeyError(*missing)
    except (KeyError, TypeError, ValueError) as error:
        raise _no_upscaler(header.path) from error
    return config


def _no_upscaler(path: Path) -> FileProblem:
    return FileProblem(
        f"{path.name} holds no diffusion upscaler that can be read here.",
        "Choose a file of this project's, of Stable Diffusion's x4 upscaler or of latent "
        "diffusion's, or a diffusers folder of an upscaler; load a network like ESRGAN with the "
        "upscale model loader.",
        "upscaler.kind",
    )
