"""Stable Diffusion 2, XL, its refiner and inpainting variants load and compute right."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint
from nodes.diffusion.files.text_keys import text_places
from nodes.diffusion.inputs.model_inputs import completed
from nodes.text import clip_text_encode, clip_text_encode_sdxl, clip_text_encode_sdxl_refiner
from nodes.types import Conditioning, Latent, Model
from tests.nodes.diffusion.family_files import (
    file_of,
    open_clip,
    text_with_projection,
    unet,
    write,
    write_folder,
)

SENTENCE, TOKENS = "a photo of a cat", (320, 1125, 539, 320, 2368)


def ids(pad: int, tokens: tuple[int, ...] = TOKENS) -> Tensor:
    row = [49406, *tokens, 49407]
    return torch.tensor([row + [pad] * (77 - len(row))])


def loaded(folder: Path, name: str, channels: int = 4) -> Checkpoint:
    return load_checkpoint(
        write(folder / f"{name}.safetensors", file_of(name, channels)), "float32"
    )


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return loaded(tmp_path_factory.mktemp("sdxl"), "sdxl")


@pytest.fixture(scope="module")
def refiner(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return loaded(tmp_path_factory.mktemp("refiner"), "refiner")


def estimated(
    model: Model, conditionings: tuple[Conditioning, ...], x: Tensor, sigma: float
) -> list[Tensor]:
    given = completed(conditionings, model, Latent(torch.zeros_like(x)))
    return denoise(model, x, sigma, fit_conditionings(given, model.sampling, x, 8))


def noisy() -> Tensor:
    return torch.randn(1, 4, 16, 24, generator=torch.Generator().manual_seed(1))


def expected(network: Any, model: Model, x: Tensor, sigma: float, **inputs: Any) -> Tensor:
    """Estimate the clean sample by the network alone, as an epsilon model does."""
    timestep = model.sampling.timestep(torch.tensor(sigma))
    output: Tensor = network(x / (1 + sigma**2) ** 0.5, timestep, **inputs).sample
    return x - sigma * output


def test_stable_diffusion_2_reads_the_last_layer_but_one_and_fills_up_with_zeros(
    tmp_path: Path,
) -> None:
    found = loaded(tmp_path, "sd2")
    assert found.family == "stable-diffusion-v2"
    (part,) = clip_text_encode(SENTENCE, found.clip).parts
    text = text_with_projection(1024).text_model
    states = text(ids(0), output_hidden_states=True).hidden_states
    assert torch.allclose(part.embeds, text.final_layer_norm(states[-2]), atol=1e-5)
    x, conditioning = noisy(), Conditioning((part,))
    (ours,) = estimated(found.model, (conditioning,), x, 3.0)
    theirs = expected(unet("sd2"), found.model, x, 3.0, encoder_hidden_states=part.embeds)
    assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(("spread", "prediction"), [(0.05, "epsilon"), (0.12, "v_prediction")])
def test_what_stable_diffusion_2_predicts_is_told_by_a_bias(
    tmp_path: Path, spread: float, prediction: str
) -> None:
    weights = file_of("sd2")
    name = "model.diffusion_model.output_blocks.7.1.transformer_blocks.0.norm1.bias"
    weights[name] = torch.tensor([spread, -spread]).repeat(32)
    found = load_checkpoint(write(tmp_path / "a.safetensors", weights), "float32")
    assert found.model.sampling.prediction == prediction


def test_sdxl_reads_both_encoders_side_by_side(sdxl: Checkpoint) -> None:
    assert sdxl.family == "stable-diffusion-xl"
    assert sdxl.vae.latent_format.scaling_factor == 0.13025
    (part,) = clip_text_encode(SENTENCE, sdxl.clip).parts
    small = text_with_projection(768).text_model(ids(49407), output_hidden_states=True)
    big = text_with_projection(1280)(ids(0), output_hidden_states=True)
    side_by_side = torch.cat([small.hidden_states[-2], big.hidden_states[-2]], dim=2)
    assert torch.allclose(part.embeds, side_by_side, atol=1e-5)
    assert part.pooled is not None
    assert torch.allclose(part.pooled, big.text_embeds, atol=1e-5)


def test_sdxl_is_told_the_latents_size_unless_the_prompt_names_one(sdxl: Checkpoint) -> None:
    x = noisy()
    plain = clip_text_encode(SENTENCE, sdxl.clip)
    named = clip_text_encode_sdxl(sdxl.clip, 900, 800, 30, 40, 700, 600, SENTENCE, SENTENCE)
    ours = estimated(sdxl.model, (plain, named), x, 3.0)
    sizes = ([128, 192, 0, 0, 128, 192], [800, 900, 40, 30, 600, 700])
    (part,) = plain.parts
    for made, numbers in zip(ours, sizes, strict=True):
        told = {"text_embeds": part.pooled, "time_ids": torch.tensor([numbers])}
        theirs = expected(
            unet("sdxl"),
            sdxl.model,
            x,
            3.0,
            encoder_hidden_states=part.embeds,
            added_cond_kwargs=told,
        )
        assert torch.allclose(made, theirs, atol=1e-4)
    assert not torch.allclose(ours[0], ours[1], atol=1e-3)


def test_each_encoder_of_sdxl_may_read_a_text_of_its_own_length(sdxl: Checkpoint) -> None:
    both = clip_text_encode_sdxl(sdxl.clip, text_g=SENTENCE, text_l="cat " * 80).parts[0].embeds
    assert both.shape == (1, 154, 2048)
    alone = clip_text_encode(SENTENCE, sdxl.clip).parts[0].embeds
    nothing = clip_text_encode("", sdxl.clip).parts[0].embeds
    assert torch.allclose(both[:, :77, 768:], alone[:, :, 768:], atol=1e-5)
    assert torch.allclose(both[:, 77:, 768:], nothing[:, :, 768:], atol=1e-5)


def test_the_refiner_is_told_how_beautiful_the_picture_should_be(refiner: Checkpoint) -> None:
    assert refiner.family == "stable-diffusion-xl-refiner"
    x = noisy()
    plain = clip_text_encode(SENTENCE, refiner.clip)
    named = clip_text_encode_sdxl_refiner(refiner.clip, 9.0, 700, 600, SENTENCE)
    ours = [
        *estimated(refiner.model, (plain, plain), x, 3.0),
        *estimated(refiner.model, (named,), x, 3.0),
    ]
    numbers = ([128, 192, 0, 0, 6.0], [128, 192, 0, 0, 2.5], [600, 700, 0, 0, 9.0])
    (part,) = plain.parts
    for made, told in zip(ours, numbers, strict=True):
        theirs = expected(
            unet("refiner"),
            refiner.model,
            x,
            3.0,
            encoder_hidden_states=part.embeds,
            added_cond_kwargs={"text_embeds": part.pooled, "time_ids": torch.tensor([told])},
        )
        assert torch.allclose(made, theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "channels"), [("sd2", 4), ("sd2", 9), ("sdxl", 4), ("sdxl", 9), ("refiner", 4)]
)
def test_a_folder_is_the_same_as_a_file(tmp_path: Path, name: str, channels: int) -> None:
    folder = load_checkpoint(write_folder(tmp_path / "folder", name, channels), "float32")
    file = loaded(tmp_path, name, channels)
    mine, theirs = (found.model.network.state_dict() for found in (folder, file))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert torch.equal(folder.model.sampling.sigmas, file.model.sampling.sigmas)
    assert folder.model.sampling.prediction == file.model.sampling.prediction
    scales = (found.vae.latent_format.scaling_factor for found in (folder, file))
    assert next(scales) == next(scales)
    (one,), (two,) = (clip_text_encode(SENTENCE, found.clip).parts for found in (folder, file))
    assert torch.allclose(one.embeds, two.embeds, atol=1e-5)
    if name != "sd2":
        assert one.pooled is not None
        assert two.pooled is not None
        assert torch.allclose(one.pooled, two.pooled, atol=1e-5)


def test_an_inpainting_variant_is_told_from_its_nine_channels(tmp_path: Path) -> None:
    found = loaded(tmp_path, "sd2", 9)
    assert found.family == "stable-diffusion-v2-inpaint"
    assert found.model.sampling.prediction == "epsilon"


def test_open_clips_names_become_those_that_diffusers_makes_of_them() -> None:
    model = text_with_projection(1280)
    file = open_clip(model, "cond_stage_model.model.")
    (place,) = text_places({name: tuple(tensor.shape) for name, tensor in file.items()})
    # The projection is held by the test of SDXL's summary; diffusers converts it elsewhere.
    ours = {name: t for name, t in place.weights(file).items() if "projection" not in name}
    theirs = convert_open_clip_checkpoint(model, dict(file), prefix="cond_stage_model.model.")
    bare = {name.removeprefix("text_model."): tensor for name, tensor in theirs.items()}
    bare.pop("embeddings.position_ids", None)
    assert ours.keys() == bare.keys()
    assert all(torch.equal(ours[name], bare[name]) for name in ours)
