"""GLIGEN places things as the gated network of diffusers does."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

from nodes.api import QUIET
from nodes.diffusion.adapters.gligen import with_box
from nodes.diffusion.cascades.tile_conditions import on_tile
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.files import ldm_keys
from nodes.diffusion.inputs.model_inputs import completed
from nodes.diffusion.memory.residence import on_device
from nodes.diffusion.text.tokenizer import clip_vocabulary
from nodes.errors import FileProblem, NodeError
from nodes.gligen import gligen_loader, gligen_text_box_apply
from nodes.imaging.tiles import Tile
from nodes.sampling import k_sampler
from nodes.text import clip_text_encode
from nodes.types import Clip, Conditioning, Gligen, Guider, Latent, Model
from tests.nodes.diffusion.family_files import text_with_projection
from tests.nodes.diffusion.tiny_models import SD1_UNET
from tests.nodes.diffusion.tiny_sampling import EPSILON, FORMAT, prompt, tiny_model
from tests.nodes.folder_context import FolderContext

UNET = SD1_UNET | {"layers_per_block": 2}
BOXES = [[0.0, 0.25, 0.5, 1.0], [0.5, 0.0, 1.0, 0.5]]


@cache
def gated() -> Any:
    """A UNet of diffusers with GLIGEN's layers, whose gates are open."""
    torch.manual_seed(0)
    network: Any = UNet2DConditionModel(**UNET, attention_type="gated")
    for name, parameter in network.named_parameters():
        if "alpha_" in name:
            parameter.data.fill_(0.7)
        if "null_" in name:
            parameter.data.normal_()
    return network.requires_grad_(False).eval()


@cache
def model() -> Model:
    """The same UNet without them."""
    network: Any = UNet2DConditionModel(**UNET)
    own = {n: t for n, t in gated().state_dict().items() if n in network.state_dict()}
    network.load_state_dict(own)
    return Model(network.requires_grad_(False).eval(), EPSILON, FORMAT, "float32", "plain")


def file_of(network: Any) -> dict[str, Tensor]:
    """Name GLIGEN's layers as its pruned file does."""
    weights = network.state_dict()
    fusers = {n: t for n, t in weights.items() if ".fuser." in n}
    named = {
        name.removeprefix(ldm_keys.UNET_PREFIX): tensor
        for name, tensor in ldm_keys.unet_to_ldm(fusers, dict(network.config)).items()
    }
    assert "input_blocks.1.1.transformer_blocks.0.fuser.alpha_attn" in named
    return named | {n: t for n, t in weights.items() if n.startswith("position_net.")}


@pytest.fixture
def gligen(tmp_path: Path) -> Gligen:
    (tmp_path / "gligen").mkdir()
    weights = {name: tensor.contiguous() for name, tensor in file_of(gated()).items()}
    save_file(weights, tmp_path / "gligen" / "textbox.safetensors")
    return gligen_loader("textbox.safetensors", ctx=FolderContext(tmp_path))


def thing(seed: int) -> Tensor:
    return torch.randn(1, 768, generator=torch.Generator().manual_seed(seed))


def texts() -> tuple[Conditioning, Conditioning]:
    return prompt(1, width=768), prompt(2, width=768)


def with_things(conditioning: Conditioning, gligen: Gligen) -> Conditioning:
    first = with_box(conditioning, gligen, thing(5), (0, 16, 32, 64))
    return with_box(first, gligen, thing(6), (32, 0, 64, 32))


def estimated(of: Model, x: Tensor, *given: Conditioning) -> list[Tensor]:
    with on_device(Guider(of, "cfg", given, {"scale": 2.0}), QUIET.resident) as guider:
        whole = completed(guider.conditionings, guider.model, Latent(torch.zeros_like(x)))
        fitted = fit_conditionings(whole, guider.model.sampling, x, 8)
        return denoise(guider.model, x, 2.0, fitted)


def by_diffusers(x: Tensor, text: Tensor, count: int) -> Tensor:
    """Estimate with so many things placed, as the pipeline for GLIGEN asks for it."""
    boxes, words, masks = torch.zeros(1, 30, 4), torch.zeros(1, 30, 768), torch.zeros(1, 30)
    boxes[:, :count] = torch.tensor(BOXES[:count]).reshape(-1, 4)
    words[:, :count] = torch.cat([thing(5), thing(6)])[:count]
    masks[:, :count] = 1
    things = {"boxes": boxes, "positive_embeddings": words, "masks": masks}
    noise: Tensor = gated()(
        x / 5**0.5,
        EPSILON.timestep(2.0),
        text,
        cross_attention_kwargs={"gligen": things},
    ).sample
    return x - 2.0 * noise


def test_things_are_placed_as_by_diffusers(gligen: Gligen) -> None:
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    positive, negative = texts()
    made = estimated(model(), x, with_things(positive, gligen), negative)
    for ours, given, count in zip(made, (positive, negative), (2, 0), strict=True):
        theirs = by_diffusers(x, given.parts[0].embeds, count)
        assert torch.allclose(ours, theirs, atol=1e-4)
    plain = estimated(model(), x, positive, negative)
    assert not torch.allclose(made[0], plain[0], atol=1e-3)
    assert "fuser" not in vars(model().network.get_submodule(gligen.places[0]))


def test_a_picture_with_boxes_is_sampled(gligen: Gligen) -> None:
    positive, negative = texts()
    empty = Latent(torch.zeros(2, 4, 8, 8))
    made = k_sampler(model(), with_things(positive, gligen), negative, empty, 1, 2, 3.0).samples
    assert made.isfinite().all()
    assert not torch.allclose(
        made, k_sampler(model(), positive, negative, empty, 1, 2, 3.0).samples
    )


def test_the_node_says_what_is_where(gligen: Gligen) -> None:
    encoder = text_with_projection(768)
    clip = Clip(encoder.text_model, clip_vocabulary(), "l")
    conditioning = clip_text_encode("a red cat", clip)
    made = gligen_text_box_apply(conditioning, clip, gligen, "a red cat", 24, 16, 8, 40)
    grounding = made.parts[0].grounding
    assert grounding is not None
    assert grounding.boxes.tolist() == [[8, 40, 32, 56]]
    assert conditioning.parts[0].pooled is not None
    assert torch.equal(grounding.texts, conditioning.parts[0].pooled)


def test_a_tile_sees_its_part_of_the_boxes(gligen: Gligen) -> None:
    given = with_things(texts()[0], gligen)
    (cut,) = on_tile((given,), Tile(top=16, bottom=48, left=32, right=64), 64, 64)
    grounding = cut.parts[0].grounding
    assert grounding is not None
    assert grounding.boxes.tolist() == [[0, 0, 32, 16]]
    assert torch.equal(grounding.texts, thing(6))


def test_too_many_things_and_other_families_are_told(gligen: Gligen) -> None:
    many = texts()[0]
    for _ in range(31):
        many = with_box(many, gligen, thing(5), (0, 0, 8, 8))
    x = torch.zeros(1, 4, 8, 8)
    with pytest.raises(NodeError, match="at most 30 things, and 31"):
        estimated(model(), x, many)
    wide = with_box(texts()[0], gligen, torch.zeros(1, 1280), (0, 0, 8, 8))
    with pytest.raises(NodeError, match="encoded to 1280 numbers"):
        estimated(model(), x, wide)
    with pytest.raises(NodeError, match="another family"):
        estimated(tiny_model(), x, with_box(prompt(1), gligen, thing(5), (0, 0, 8, 8)))


def test_other_files_hold_none(tmp_path: Path) -> None:
    (tmp_path / "gligen").mkdir()
    save_file({"other": torch.zeros(1)}, tmp_path / "gligen" / "a.safetensors")
    with pytest.raises(FileProblem, match="holds no GLIGEN"):
        gligen_loader("a.safetensors", ctx=FolderContext(tmp_path))
