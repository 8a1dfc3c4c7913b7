"""Latent spaces, and configurations of VAEs told by the shapes of their weights."""

from collections.abc import Iterable

from nodes.diffusion.files.ldm_keys import VAE_PREFIX, VIDEO_VAE
from nodes.diffusion.files.weight_shapes import Config, Shapes, count
from nodes.diffusion.pixel_space import is_pixel_space, pixel_latents
from nodes.types import LatentFormat

# Colours of latents' channels: linear fits for these VAEs, as their users have long shared them.
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
SDXL_LATENTS = LatentFormat(
    4,
    0.13025,
    rgb=(
        (0.382, 0.493, 0.532),
        (-0.375, 0.163, 0.174),
        (0.177, 0.359, -0.205),
        (-0.435, -0.264, -0.429),
    ),
)
# Playground 2.5 brings each channel to a mean of zero, and to the spread that Karras et al. 2022,
# arXiv:2206.00364, take for data. Li et al. 2024, Playground v2.5, arXiv:2402.17245, section 2.1.
PLAYGROUND_LATENTS = LatentFormat(
    4,
    0.5,
    means=(-1.6574, 1.886, -1.383, 2.5155),
    deviations=(8.4927, 5.9022, 6.5498, 5.2299),
)
SD3_LATENTS = LatentFormat(
    16,
    1.5305,
    shift=0.0609,
    rgb=(
        (-0.052, 0.033, 0.075),
        (-0.058, 0.008, 0.057),
        (0.161, 0.013, -0.038),
        (0.144, 0.085, 0.159),
        (0.049, 0.006, -0.067),
        (0.052, 0.192, 0.063),
        (0.154, 0.048, 0.071),
        (-0.086, 0.09, 0.109),
        (-0.124, -0.068, 0.003),
        (-0.044, 0.078, 0.023),
        (0.031, 0.064, 0.078),
        (-0.013, 0.086, -0.088),
        (0.065, 0.059, 0.133),
        (-0.079, -0.023, -0.128),
        (-0.099, -0.08, -0.063),
        (-0.034, -0.08, -0.061),
    ),
)
FLUX_LATENTS = LatentFormat(
    16,
    0.3611,
    shift=0.1159,
    rgb=(
        (-0.041, 0.015, 0.052),
        (0.006, 0.029, 0.077),
        (0.034, -0.068, -0.043),
        (-0.026, 0.009, 0.046),
        (0.086, 0.078, 0.055),
        (-0.002, 0.04, 0.016),
        (0.05, 0.106, 0.115),
        (-0.021, -0.022, -0.033),
        (-0.031, 0.008, 0.09),
        (0.085, 0.067, -0.047),
        (-0.053, 0.024, -0.002),
        (0.045, -0.003, 0.005),
        (0.089, 0.083, 0.088),
        (-0.112, -0.03, -0.079),
        (0.003, -0.048, -0.004),
        (-0.115, -0.083, -0.06),
    ),
)
_PUBLISHED = {
    (space.channels, space.scaling_factor): space
    for space in (SD_LATENTS, SDXL_LATENTS, SD3_LATENTS, FLUX_LATENTS)
}


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
    over_time = "decoder.conv_out.time_mix_conv.weight" in names
    return ({"_class_name": VIDEO_VAE} if over_time else {}) | {
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
    """Describe the latent space of a VAE by its configuration; the scale tells the published ones.

    Raises:
        KeyError: If it lacks the scaling factor.
    """
    channels, scaling = vae.get("latent_channels", 4), vae["scaling_factor"]
    if is_pixel_space(vae):
        return pixel_latents(scaling)
    if (channels, scaling) in _PUBLISHED:
        return _PUBLISHED[channels, scaling]
    downscale = 2 ** (len(vae["block_out_channels"]) - 1)
    return LatentFormat(
        channels,
        scaling,
        downscale,
        vae.get("shift_factor") or 0.0,
        means=tuple(vae.get("latents_mean") or ()),
        deviations=tuple(vae.get("latents_std") or ()),
    )
