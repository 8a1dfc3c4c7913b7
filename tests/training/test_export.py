"""The exported file: its header, its size, and the same pictures after a round trip."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import CLIPTextModel, CLIPTokenizer

from training import pixel_base, unet, vae
from training.clip import text_config
from training.export import (
    LARGEST_FILE,
    configuration,
    export,
    export_pixel_base,
    load,
    load_pixel_base,
)
from training.networks import Autoencoder
from training.sample import draw_captions
from training.tokens import BEGIN, END, encode
from training.unet import Denoiser

SCALE = 0.5
PREFIXES = (
    "model.diffusion_model.",
    "first_stage_model.",
    "cond_stage_model.transformer.text_model.",
)


@pytest.fixture(scope="module")
def untrained() -> tuple[Denoiser, Autoencoder]:
    torch.set_num_threads(1)
    model = unet.build(CLIPTextModel(text_config()))
    return model.eval(), vae.build().eval()


@pytest.fixture(scope="module")
def exported(
    untrained: tuple[Denoiser, Autoencoder], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("export") / "mini.safetensors"
    export(*untrained, SCALE, path)
    return path


def test_weights_lie_in_stable_diffusions_layout_as_halves(exported: Path) -> None:
    with safe_open(exported, framework="pt") as file:
        names = list(file.keys())
        assert {prefix for prefix in PREFIXES for name in names if name.startswith(prefix)} == set(
            PREFIXES
        )
        assert all(name.startswith(PREFIXES) for name in names)
        assert all(file.get_tensor(name).dtype == torch.float16 for name in names)
    assert exported.stat().st_size <= LARGEST_FILE


def test_the_header_says_what_the_model_is_and_all_a_loader_needs(exported: Path) -> None:
    with safe_open(exported, framework="pt") as file:
        header = file.metadata()
    assert header["modelspec.architecture"] == "stable-diffusion-v1"
    assert header["modelspec.license"] == "Apache-2.0"
    assert header["modelspec.prediction_type"] == "v"
    assert header["modelspec.title"]
    config = json.loads(header["weft.config"])
    assert set(config) == {"unet", "vae", "text_encoder", "tokenizer", "scheduler"}
    assert config == json.loads(json.dumps(configuration(SCALE)))
    assert config["vae"]["scaling_factor"] == SCALE
    assert config["scheduler"]["prediction_type"] == "v_prediction"


def test_the_tokenizer_of_the_header_is_the_one_of_the_training(exported: Path) -> None:
    with safe_open(exported, framework="pt") as file:
        config = json.loads(file.metadata()["weft.config"])["tokenizer"]
    pairs: Any = [tuple(merge) for merge in config["merges"]]
    tokenizer = CLIPTokenizer(
        vocab=config["vocab"],
        merges=pairs,
        model_max_length=config["model_max_length"],
    )
    captions = ["a red star on a blue background", "", "an Ünknown word, 3 dogs!"]
    padded = tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
    assert torch.equal(padded, encode(captions))
    assert config["vocab"][BEGIN] == len(config["vocab"]) - 2
    assert config["vocab"][END] == len(config["vocab"]) - 1
    words = tokenizer.tokenize("a red star on blue")
    assert words == ["a</w>", "red</w>", "star</w>", "on</w>", "blue</w>"]


def test_a_model_read_back_draws_the_same_picture(
    untrained: tuple[Denoiser, Autoencoder], exported: Path
) -> None:
    captions = ["a red star on a blue background"]
    before = draw_captions(*untrained, SCALE, captions, seed=1)
    model, autoencoder, scale = load(exported)
    after = draw_captions(model, autoencoder, scale, captions, seed=1)
    assert np.abs(before.astype(int) - after).max() <= 3


def test_a_file_that_would_be_too_large_is_refused(
    untrained: tuple[Denoiser, Autoencoder], tmp_path: Path
) -> None:
    model, autoencoder = untrained
    words = model.text.embeddings.token_embedding
    grown = torch.nn.Embedding(60_000, words.embedding_dim)
    model.text.embeddings.token_embedding = grown
    try:
        with pytest.raises(ValueError, match="bytes"):
            export(model, autoencoder, SCALE, tmp_path / "large.safetensors")
    finally:
        model.text.embeddings.token_embedding = words
    assert not (tmp_path / "large.safetensors").exists()


def test_small_pictures_denoiser_survives_its_file(
    untrained: tuple[Denoiser, Autoencoder], tmp_path: Path
) -> None:
    model = Denoiser(untrained[0].text)
    model.unet = pixel_base.build(untrained[0], "cpu")[0]
    export_pixel_base(model.eval(), tmp_path / "pixels.safetensors")
    again = load_pixel_base(tmp_path / "pixels.safetensors")
    captions = ["a red star on a blue background"]
    drawn, expected = (pixel_base.draw_captions(each, captions, 1) for each in (again, model))
    assert np.abs(drawn.astype(int) - expected).mean() < 1
