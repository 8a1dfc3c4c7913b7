"""Latent diffusion's own upscaler in its original file: how it is told, and as what it is read.

Rombach et al. 2022, High-Resolution Image Synthesis with Latent Diffusion Models, arXiv:2112.10752,
4.4. Names are those of LDM, but attention knows no text: its three projections are one convolution,
each head's together; and the autoencoder keeps a codebook.
"""

from collections.abc import Iterator, Mapping

from torch import Tensor

from nodes.diffusion.files.ldm_keys import UNET_PREFIX, VAE_PREFIX, unet_from_ldm, vae_from_ldm
from nodes.diffusion.files.unet_shapes import resolutions
from nodes.diffusion.files.vae_shapes import vae_config
from nodes.diffusion.files.weight_shapes import Config, Shapes
from nodes.types import LatentFormat

# What leaves no trace in the weights is that of the published model.
NOISE: Config = {"beta_schedule": "scaled_linear", "beta_start": 0.0015, "beta_end": 0.0155}
HEAD_CHANNELS = 32
_CODEBOOK = "quantize.embedding.weight"
_FIRST, _LAST = UNET_PREFIX + "input_blocks.0.0.weight", UNET_PREFIX + "out.2.weight"
_ATTENTION = {"norm": "group_norm", "proj_out": "to_out.0"}


def is_latent_diffusion_upscaler(shapes: Shapes) -> bool:
    """Tell such a file by its codebook, and by a network that sees a picture beside its latent."""
    if not {VAE_PREFIX + _CODEBOOK, _FIRST, _LAST} <= shapes.keys():
        return False
    return shapes[_FIRST][1] == shapes[_LAST][0] + 3


def denoiser_config(shapes: Shapes) -> Config:
    """Derive a UNet2DModel's configuration from shapes."""
    names = {k.removeprefix(UNET_PREFIX): s for k, s in shapes.items() if k.startswith(UNET_PREFIX)}
    found = resolutions(names)
    kinds = ["Attn" if level.attended else "" for level in found]
    return {
        "in_channels": shapes[_FIRST][1],
        "out_channels": shapes[_LAST][0],
        "block_out_channels": tuple(level.channels for level in found),
        "layers_per_block": found[0].layers,
        "down_block_types": tuple(f"{kind}DownBlock2D" for kind in kinds),
        "up_block_types": tuple(f"{kind}UpBlock2D" for kind in reversed(kinds)),
        "attention_head_dim": HEAD_CHANNELS,
    }


def coder_config(shapes: Shapes) -> Config:
    """Derive a VQModel's configuration from shapes."""
    codes, width = shapes[VAE_PREFIX + _CODEBOOK]
    of_any_vae = vae_config(shapes, LatentFormat(width, 1.0))
    return {name: of_any_vae[name] for name in _OF_ANY_VAE} | {
        "num_vq_embeddings": codes,
        "vq_embed_dim": width,
    }


_OF_ANY_VAE = (
    "block_out_channels",
    "layers_per_block",
    "down_block_types",
    "up_block_types",
    "latent_channels",
    "mid_block_add_attention",
)


def denoiser_weights(file: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Pick a UNet2DModel's weights out of a file."""
    apart = {
        name: part
        for key, weight in file.items()
        if key.startswith(UNET_PREFIX)
        for name, part in _apart(key, weight)
    }
    return unet_from_ldm(apart, config)


def _apart(key: str, weight: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Give a weight its place, or that of each projection that it holds."""
    path, _, kind = key.rpartition(".")
    block, _, layer = path.rpartition(".")
    # Convolutions of one pixel.
    flat = weight[..., 0] if weight.ndim == 3 else weight
    if layer == "qkv":
        heads = len(flat) // (3 * HEAD_CHANNELS)
        together = flat.reshape(heads, 3, HEAD_CHANNELS, *flat.shape[1:])
        for number, name in enumerate(("to_q", "to_k", "to_v")):
            yield f"{block}.{name}.{kind}", together[:, number].flatten(0, 1)
    else:
        yield f"{block}.{_ATTENTION.get(layer, layer)}.{kind}", flat


def coder_weights(file: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Pick a VQModel's weights out of a file."""
    codebook = VAE_PREFIX + _CODEBOOK
    rest = {name: weight for name, weight in file.items() if name != codebook}
    return vae_from_ldm(rest, config) | {_CODEBOOK: file[codebook]}
