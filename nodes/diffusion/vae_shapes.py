"""Latent spaces, and configurations of VAEs told by the shapes of their weights."""

from collections.abc import Iterable

from nodes.diffusion.ldm_keys import VAE_PREFIX
from nodes.diffusion.pixel_space import is_pixel_space, pixel_latents
from nodes.diffusion.weight_shapes import Config, Shapes, count
from nodes.types import LatentFormat

# Colours of a latent's channels: a linear fit for this VAE that its users have long shared.
SD_LATENTS = LatentFormat(
    4,
    0.18215,
    rgb=(
        (0.298, 0.207, 0.208),
        (0.187, 0.286, 0.173),
        (-0.158, 0.189, 0.264),
        (-0.184, -0.271, -0.473),
    ),
)
SDXL_LATENTS = LatentFormat(4, 0.13025)
SD3_LATENTS = LatentFormat(16, 1.5305, shift=0.0609)
FLUX_LATENTS = LatentFormat(16, 0.3611, shift=0.1159)


# Where files keep a VAE.
_PREFIXES = (VAE_PREFIX, "vae.", "")


def vae_prefix(names: Iterable[str]) -> str:
    """Tell what stands before the names of a file's VAE."""
    first = {name for name in names if name.endswith("decoder.conv_in.weight")}
    return next((p for p in _PREFIXES if p + "decoder.conv_in.weight" in first), _PREFIXES[0])


def vae_config(shapes: Shapes, latents: LatentFormat) -> Config:
    """Derive an AutoencoderKL's configuration from shapes; empty if there is no VAE.

    Args:
        shapes: Shape of every tensor by its LDM name.
        latents: Its latent space, whose scale leaves no trace in the shapes.
    """
    prefix = vae_prefix(shapes)
    names = {key.removeprefix(prefix): shapes[key] for key in shapes if key.startswith(prefix)}
    if "encoder.conv_in.weight" not in names or "decoder.conv_in.weight" not in names:
        return {}
    levels = count(names, "encoder.down.")
    return {
        "block_out_channels": tuple(
            names[f"encoder.down.{level}.block.0.conv1.weight"][0] for level in range(levels)
        ),
        "layers_per_block": count(names, "encoder.down.0.block."),
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "latent_channels": names["decoder.conv_in.weight"][1],
        "mid_block_add_attention": "encoder.mid.attn_1.q.weight" in names,
        "use_quant_conv": "quant_conv.weight" in names,
        "use_post_quant_conv": "post_quant_conv.weight" in names,
        "scaling_factor": latents.scaling_factor,
        "shift_factor": latents.shift or None,
    }


def latents_of(vae: Config) -> LatentFormat:
    """Describe the latent space of a VAE by its configuration; the scale tells Stable Diffusion's.

    Raises:
        KeyError: If it lacks the scaling factor.
    """
    channels, scaling = vae.get("latent_channels", 4), vae["scaling_factor"]
    if is_pixel_space(vae):
        return pixel_latents(scaling)
    if (channels, scaling) == (SD_LATENTS.channels, SD_LATENTS.scaling_factor):
        return SD_LATENTS
    downscale = 2 ** (len(vae["block_out_channels"]) - 1)
    return LatentFormat(channels, scaling, downscale, vae.get("shift_factor") or 0.0)
