"""Nodes that run text encoders and VAEs."""

from pathlib import Path

import pytest
import torch

from nodes.api import NodeSpec
from nodes.api.shapes import evaluate_shape
from nodes.diffusion.text.tokenizer import vocabulary
from nodes.errors import NodeError
from nodes.text import clip_set_last_layer, clip_text_encode
from nodes.types import Clip, Image, Latent, LatentFormat, Mask, Vae
from nodes.vae import (
    vae_decode,
    vae_decode_tiled,
    vae_encode,
    vae_encode_for_inpaint,
    vae_encode_tiled,
)
from tests.nodes.diffusion.tiny_models import tiny_parts, tiny_vocabulary
from tests.nodes.folder_context import FolderContext


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    return FolderContext(tmp_path)


def vae() -> Vae:
    return Vae(tiny_parts().vae, LatentFormat(4, 0.5), "float32", "tiny")


def clip() -> Clip:
    own = tiny_vocabulary()
    words = vocabulary(own["vocab"], [(left, right) for left, right in own["merges"]])
    return Clip(tiny_parts().text_encoder, words, "tiny")


def pixels(batch: int = 2, height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_a_prompt_becomes_one_part_of_conditioning() -> None:
    (part,) = clip_text_encode("ab (c:1.2)", clip()).parts
    assert part.embeds.shape == (1, 77, 16)
    assert part.pooled is not None
    assert part.pooled.shape == (1, 16)
    assert (part.strength, part.start, part.end) == (1.0, 0.0, 1.0)


def test_clip_skip_changes_the_embeddings_and_not_the_encoder() -> None:
    given = clip()
    skipped = clip_set_last_layer(given, -2)
    assert given.skip == 1
    assert skipped.encoder is given.encoder
    last, earlier = (clip_text_encode("ab", c).parts[0].embeds for c in (given, skipped))
    assert not torch.allclose(last, earlier)
    same = clip_text_encode("ab", clip_set_last_layer(skipped, -1)).parts[0].embeds
    assert torch.equal(last, same)


def test_a_layer_that_is_not_there_is_told() -> None:
    with pytest.raises(NodeError, match="has 3 layers"):
        clip_set_last_layer(clip(), -4)


def test_a_picture_goes_through_the_vae_and_back_in_its_size() -> None:
    latent = vae_encode(Image(pixels()), vae())
    assert latent.samples.shape == (2, 4, 4, 6)
    assert latent.mask is None
    decoded = vae_decode(latent, vae())
    assert decoded.pixels.shape == (2, 3, 32, 48)
    assert decoded.pixels.min() >= 0
    assert decoded.pixels.max() <= 1


def test_odd_sides_are_cut_as_the_shape_rule_says() -> None:
    given = Image(pixels(1, 37, 51))
    latent = vae_encode(given, vae())
    spec: NodeSpec = vars(vae_encode)["__node__"]
    shapes = {"pixels": {"batch": 1, "channels": 3, "height": 37, "width": 51}}
    promised = evaluate_shape(spec.outputs[0].shape, {}, shapes)
    batch, _, height, width = latent.samples.shape
    # How many channels there are is not known before the VAE is.
    assert promised == {"batch": batch, "height": height, "width": width}
    inner = vae_encode(Image(given.pixels[..., 2:34, 1:49]), vae())
    assert torch.equal(latent.samples, inner.samples)


def test_tiles_give_the_size_of_the_whole_and_come_near_it(host: FolderContext) -> None:
    latent = vae_encode(Image(pixels(1, 160, 96)), vae())
    whole = vae_decode(latent, vae()).pixels
    tiled = vae_decode_tiled(latent, vae(), 96, 32, ctx=host).pixels
    assert tiled.shape == whole.shape
    assert (tiled - whole).abs().mean() < 0.2 * whole.std()
    back = vae_encode_tiled(Image(whole), vae(), 96, 32, ctx=host)
    assert back.samples.shape == latent.samples.shape
    assert all(done == total for done, total in host.counted)


def test_a_picture_within_one_tile_is_the_same_as_whole() -> None:
    latent = vae_encode(Image(pixels()), vae())
    tiled = vae_encode_tiled(Image(pixels()), vae())
    assert torch.allclose(tiled.samples, latent.samples, atol=1e-5)
    decoded = vae_decode_tiled(latent, vae()).pixels
    assert torch.allclose(decoded, vae_decode(latent, vae()).pixels, atol=1e-5)


def test_thriftier_variants_stand_by_for_want_of_memory() -> None:
    latent = vae_encode(Image(pixels()), vae())
    for function, arguments in (
        (vae_decode, (latent, vae())),
        (vae_encode, (Image(pixels()), vae())),
    ):
        spec: NodeSpec = vars(function)["__node__"]
        (thriftier,) = spec.thriftier
        made, wanted = thriftier(*arguments), function(*arguments)
        for name in vars(wanted):
            if isinstance(getattr(wanted, name), torch.Tensor):
                assert torch.allclose(getattr(made, name), getattr(wanted, name), atol=1e-5)


def test_progress_counts_every_part(host: FolderContext) -> None:
    latent = vae_encode(Image(pixels()), vae(), ctx=host)
    vae_decode(latent, vae(), ctx=host)
    assert host.counted == [(1, 1), (1, 1)]


def test_what_is_to_be_painted_is_grey_before_encoding() -> None:
    given = Image(pixels(1))
    hole = torch.zeros(1, 1, 32, 48)
    hole[..., 8:16, 8:16] = 1
    latent = vae_encode_for_inpaint(given, vae(), Mask(hole), 4)
    grey = torch.where(hole > 0, 0.5, given.pixels)
    assert torch.allclose(latent.samples, vae_encode(Image(grey), vae()).samples, atol=1e-5)
    assert latent.mask is not None
    expected = torch.zeros(1, 1, 32, 48)
    # Three more cells a side, the odd one to the right and downwards.
    expected[..., 7:18, 7:18] = 1
    assert torch.equal(latent.mask.values, expected)


def test_a_mask_of_another_size_is_stretched_to_the_picture() -> None:
    latent = vae_encode_for_inpaint(Image(pixels()), vae(), Mask(torch.ones(1, 1, 4, 4)), 0)
    assert latent.mask is not None
    assert torch.equal(latent.mask.values, torch.ones(1, 1, 32, 48))


def test_latents_and_pictures_that_come_in_are_not_changed() -> None:
    given, samples = pixels(), torch.rand(1, 4, 4, 4)
    kept, kept_samples = given.clone(), samples.clone()
    vae_encode_for_inpaint(Image(given), vae(), Mask(torch.ones(1, 1, 32, 48)))
    vae_decode_tiled(Latent(samples), vae())
    assert torch.equal(given, kept)
    assert torch.equal(samples, kept_samples)
