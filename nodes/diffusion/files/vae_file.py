"""VAEs in files of their own."""

from pathlib import Path

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint import read_family, unknown_keys_told
from nodes.diffusion.files.checkpoint_file import Header, read_header, read_weights, stamp
from nodes.diffusion.files.checkpoint_folder import diffusers_vae_to_ldm, read_vae_folder
from nodes.diffusion.files.checkpoint_networks import make_vae
from nodes.diffusion.files.stable_cascade_file import is_coder, load_coder
from nodes.diffusion.files.vae_shapes import (
    FLUX_LATENTS,
    SD3_LATENTS,
    SD_LATENTS,
    SDXL_LATENTS,
    latents_of,
    vae_config,
    vae_prefix,
)
from nodes.errors import FileProblem
from nodes.types import LatentFormat, Vae


def load_vae(path: Path, dtype: str) -> Vae:
    """Load the VAE of a file, under LDM or diffusers names, alone or within a checkpoint.

    A file does not tell the scale of its latents, unless by its metadata; see `_latents`.

    Args:
        path: A .safetensors file, or a folder that diffusers has written.
        dtype: What to compute in.

    Raises:
        FileProblem: If it holds no VAE of a known layout.
    """
    if path.is_dir():
        config, weights = read_vae_folder(path)
        return make_vae(config, weights, latents_of(config), dtype, stamp(path))
    header = read_header(path)
    if is_coder(header.shapes):
        return load_coder(path)
    weights = read_weights(path, _is_of_vae)
    if any(name.startswith("encoder.down_blocks.") for name in weights):
        weights = diffusers_vae_to_ldm(weights)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    prefix = vae_prefix(shapes)
    if "weft.config" in header.metadata:
        config = read_family(header).vae
        latents = latents_of(config)
    else:
        latents = _latents(header, shapes.get(prefix + "decoder.conv_in.weight", (0, 0))[1])
        config = vae_config(shapes, latents)
    if not config or config.get("latent_channels", 4) != latents.channels:
        raise FileProblem(
            f"{path.name} holds no VAE of Stable Diffusion or Flux.",
            "Choose a VAE with 4 or 16 latent channels, as .safetensors.",
            "checkpoint.kind",
        )
    with unknown_keys_told(path):
        weights = ldm_keys.vae_from_ldm(weights, config, prefix)
    return make_vae(config, weights, latents, dtype, stamp(path))


def _latents(header: Header, channels: int) -> LatentFormat:
    """Tell the latent space: by the metadata, or that of Stable Diffusion 1 and 2, or of Flux."""
    said = header.metadata.get("modelspec.architecture", "").lower()
    if channels == FLUX_LATENTS.channels:
        return SD3_LATENTS if "diffusion-v3" in said else FLUX_LATENTS
    return SDXL_LATENTS if "xl" in said else SD_LATENTS


def _is_of_vae(name: str) -> bool:
    name = name.removeprefix(ldm_keys.VAE_PREFIX).removeprefix("vae.")
    return name.startswith(("encoder.", "decoder.", "quant_conv.", "post_quant_conv."))
