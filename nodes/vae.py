"""VAE: between pictures and latents."""

from dataclasses import replace
from typing import Annotated, NamedTuple

import torch

from nodes.api import QUIET, Context, Range, Shape, node
from nodes.diffusion import vae as coding
from nodes.diffusion.finite import HINT, broken
from nodes.diffusion.latent_space import in_space, told_scale
from nodes.diffusion.text.arithmetic import with_extras
from nodes.diffusion.vae_tiles import decode_tiles, encode_tiles, steps, tile_sizes
from nodes.imaging.batches import as_many
from nodes.imaging.masks import widen
from nodes.imaging.resize import resize
from nodes.imaging.tiles import blended
from nodes.types import Conditioning, Image, Latent, Mask, Plain, Vae

GROUP = "latent"

ENCODED = Shape(
    # How many channels there are is the VAE's to say.
    batch="pixels.batch",
    height=("//", "pixels.height", 8),
    width=("//", "pixels.width", 8),
)
DECODED = Shape(
    batch="samples.batch",
    channels=3,
    height=("*", "samples.height", 8),
    width=("*", "samples.width", 8),
)

TileSize = Annotated[int, Range(64, 4096, step=32)]
Overlap = Annotated[int, Range(0, 4096, step=32)]
TemporalSize = Annotated[int, Range(8, 4096, step=4)]
TemporalOverlap = Annotated[int, Range(4, 4096, step=4)]


def decode_in_tiles(samples: Latent, vae: Vae, *, ctx: Context = QUIET) -> Image:
    """Decode in tiles of 512 pixels: what VAEDecode does when memory runs out."""
    return vae_decode_tiled(samples, vae, ctx=ctx)


def encode_in_tiles(pixels: Image, vae: Vae, *, ctx: Context = QUIET) -> Latent:
    """Encode in tiles of 512 pixels: what VAEEncode does when memory runs out."""
    return vae_encode_tiled(pixels, vae, ctx=ctx)


@node("VAEDecode", title="VAE decode", thriftier=(decode_in_tiles,))
def vae_decode(samples: Latent, vae: Vae, *, ctx: Context = QUIET) -> Annotated[Image, DECODED]:
    """Decode latents to pictures.

    When memory does not suffice it decodes in tiles instead.

    Args:
        samples: What to decode.
        vae: The VAE of the model that made the latents.

    Returns:
        The pictures.
    """
    height, width = samples.samples.shape[-2:]
    with ctx.resident(vae) as placed:
        calls = coding.calls(len(samples.samples), height * width * vae.latent_format.downscale**2)
        parts = ctx.track(coding.decode(placed, in_space(samples, vae.latent_format)), calls)
        return _told(Image(torch.cat(list(parts))), ctx)


@node("VAEEncode", title="VAE encode", thriftier=(encode_in_tiles,))
def vae_encode(pixels: Image, vae: Vae, *, ctx: Context = QUIET) -> Annotated[Latent, ENCODED]:
    """Encode pictures to latents.

    Sides that are no multiples of the VAE's cells, most often of 8 pixels, are cut to them, the
    same on both sides. When memory does not suffice it encodes in tiles instead.

    Args:
        pixels: What to encode; alpha is passed over.
        vae: The VAE of the model that will use the latents.

    Returns:
        The latents.
    """
    fitted = coding.fitted(pixels.pixels, vae.latent_format.downscale)
    with ctx.resident(vae) as placed:
        calls = coding.calls(len(fitted), fitted.shape[-2] * fitted.shape[-1])
        parts = ctx.track(coding.encode(placed, fitted), calls)
        return Latent(torch.cat(list(parts)), space=vae.latent_format)


@node("VAEDecodeTiled", title="VAE decode (tiled)")
def vae_decode_tiled(
    samples: Latent,
    vae: Vae,
    tile_size: TileSize = 512,
    overlap: Overlap = 64,
    temporal_size: TemporalSize = 64,
    temporal_overlap: TemporalOverlap = 8,
    *,
    ctx: Context = QUIET,
) -> Annotated[Image, DECODED]:
    """Decode latents tile by tile, in the memory of one tile.

    A first round measures contrast and colour over all tiles, so that seams do not show.

    Args:
        samples: What to decode.
        vae: The VAE of the model that made the latents.
        tile_size: Side of a tile in pixels.
        overlap: What neighbouring tiles share, in pixels; they fade into each other there.
        temporal_size: Frames of a tile, for video VAEs; those of pictures pass it over.
        temporal_overlap: What tiles share in time, for video VAEs.

    Returns:
        The pictures.
    """
    scale = vae.latent_format.downscale
    size, shared = tile_sizes(tile_size, overlap, scale)
    batch, _, height, width = samples.samples.shape
    count = steps(batch, height, width, size, shared)
    with ctx.resident(vae) as placed:
        scaled = in_space(samples, vae.latent_format)
        made = ctx.track(decode_tiles(placed, scaled, size, shared), count)
        pieces = (piece for piece in made if piece is not None)
        pixels = blended(pieces, (batch, 3, height * scale, width * scale), shared * scale)
    return _told(Image(pixels), ctx)


@node("VAEEncodeTiled", title="VAE encode (tiled)")
def vae_encode_tiled(
    pixels: Image,
    vae: Vae,
    tile_size: TileSize = 512,
    overlap: Overlap = 64,
    temporal_size: TemporalSize = 64,
    temporal_overlap: TemporalOverlap = 8,
    *,
    ctx: Context = QUIET,
) -> Annotated[Latent, ENCODED]:
    """Encode pictures tile by tile, in the memory of one tile.

    A first round measures contrast and colour over all tiles, so that seams do not show.

    Args:
        pixels: What to encode; alpha is passed over.
        vae: The VAE of the model that will use the latents.
        tile_size: Side of a tile in pixels.
        overlap: What neighbouring tiles share, in pixels; they fade into each other there.
        temporal_size: Frames of a tile, for video VAEs; those of pictures pass it over.
        temporal_overlap: What tiles share in time, for video VAEs.

    Returns:
        The latents.
    """
    latents = vae.latent_format
    fitted = coding.fitted(pixels.pixels, latents.downscale)
    size, shared = tile_sizes(tile_size, overlap, latents.downscale)
    height, width = (side // latents.downscale for side in fitted.shape[-2:])
    count = steps(len(fitted), height, width, size, shared)
    with ctx.resident(vae) as placed:
        made = ctx.track(encode_tiles(placed, fitted, size, shared), count)
        pieces = (piece for piece in made if piece is not None)
        samples = blended(pieces, (len(fitted), latents.channels, height, width), shared)
    return Latent(samples, space=latents)


class InpaintParts(NamedTuple):
    """Prompts that know what is painted into, and the latent to sample."""

    positive: Conditioning
    negative: Conditioning
    latent: Annotated[Latent, ENCODED]


@node("InpaintModelConditioning", title="Inpaint model conditioning")
def inpaint_model_conditioning(
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae,
    pixels: Image,
    mask: Mask,
    noise_mask: bool = True,
    *,
    ctx: Context = QUIET,
) -> InpaintParts:
    """Show an inpainting model the picture that it paints into.

    Args:
        positive: What the picture should show.
        negative: What it should not show.
        vae: The VAE of the model.
        pixels: The picture; alpha is passed over.
        mask: What to paint anew; it is stretched to the picture.
        noise_mask: Keep the rest of the picture exactly, beside what the model makes of it.

    Returns:
        positive: The prompt, with the picture.
        negative: The prompt, with the picture.
        latent: The picture's latents, masked.
    """
    height, width = pixels.pixels.shape[-2:]
    stretched = resize(mask.values, width, height, "bilinear")
    fitted = coding.fitted(pixels.pixels[:, :3], vae.latent_format.downscale)
    hole = coding.fitted(stretched, vae.latent_format.downscale)
    known = 1 - as_many(hole.round(), len(fitted))
    masked = vae_encode(Image((fitted - 0.5) * known + 0.5), vae, ctx=ctx.part(0.0, 0.5))
    whole = vae_encode(Image(fitted), vae, ctx=ctx.part(0.5, 1.0))
    shown: dict[str, torch.Tensor | Plain] = {
        "inpaint_mask": hole,
        "inpaint_picture": masked.samples,
        **told_scale(vae.latent_format),
    }
    return InpaintParts(
        with_extras(positive, shown),
        with_extras(negative, shown),
        replace(whole, mask=Mask(hole) if noise_mask else None),
    )


class EditParts(NamedTuple):
    """Prompts that know the picture to change, and an empty latent of its size."""

    positive: Conditioning
    negative: Conditioning
    latent: Annotated[Latent, ENCODED]


@node("InstructPixToPixConditioning", title="InstructPix2Pix conditioning", aliases=("edit",))
def instruct_pix_to_pix_conditioning(
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae,
    pixels: Image,
    *,
    ctx: Context = QUIET,
) -> EditParts:
    """Show an editing model the picture to change, or Flux the edges or depths to draw along.

    Args:
        positive: What is to be done to the picture.
        negative: What it should not show.
        vae: The VAE of the model.
        pixels: The picture; alpha is passed over.

    Returns:
        positive: The prompt, with the picture.
        negative: The prompt, with the picture.
        latent: An empty latent of the picture's size.

    References:
        Brooks et al. 2023, InstructPix2Pix: Learning to Follow Image Editing Instructions,
        arXiv:2211.09800.
    """
    samples = vae_encode(pixels, vae, ctx=ctx).samples
    shown: dict[str, torch.Tensor | Plain] = {
        "edit_picture": samples,
        **told_scale(vae.latent_format),
    }
    empty = Latent(torch.zeros_like(samples))
    return EditParts(with_extras(positive, shown), with_extras(negative, shown), empty)


@node("VAEEncodeForInpaint", title="VAE encode (for inpainting)", aliases=("inpaint",))
def vae_encode_for_inpaint(
    pixels: Image,
    vae: Vae,
    mask: Mask,
    grow_mask_by: Annotated[int, Range(0, 64, step=1)] = 6,
    *,
    ctx: Context = QUIET,
) -> Annotated[Latent, ENCODED]:
    """Encode pictures whose masked part is greyed out, to be painted anew.

    Args:
        pixels: What to encode; alpha is passed over.
        vae: The VAE of the model that will use the latents.
        mask: What to paint anew; it is stretched to the pictures.
        grow_mask_by: Pixels that the painted part is larger than the mask, to hide the seam.

    Returns:
        The latents, masked.
    """
    height, width = pixels.pixels.shape[-2:]
    stretched = resize(mask.values, width, height, "bilinear")
    fitted = coding.fitted(pixels.pixels[:, :3], vae.latent_format.downscale)
    fitted_mask = coding.fitted(stretched, vae.latent_format.downscale).round()
    known = 1 - as_many(fitted_mask, len(fitted))
    latent = vae_encode(Image((fitted - 0.5) * known + 0.5), vae, ctx=ctx)
    return replace(latent, mask=Mask(widen(fitted_mask, grow_mask_by)))


def _told(image: Image, ctx: Context) -> Image:
    if message := broken(image.pixels, "The VAE"):
        ctx.warn(message, HINT)
    return image
