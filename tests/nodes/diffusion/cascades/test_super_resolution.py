"""Diffusion upscalers: their file, what they are shown, and what becomes of what they make."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import interpolate, pixel_unshuffle

from nodes.diffusion.cascades.small_pictures import enlarged_by, with_noise
from nodes.diffusion.cascades.super_resolution import load_diffusion_upscaler
from nodes.errors import FileProblem
from tests.nodes.diffusion.tiny_models import write_tiny
from tests.nodes.diffusion.tiny_upscaler import SCALE, tiny_network, write_tiny_upscaler


def test_a_file_is_loaded_as_it_was_written(tmp_path: Path) -> None:
    upscaler = load_diffusion_upscaler(write_tiny_upscaler(tmp_path / "a.safetensors"), "float32")
    assert (upscaler.scale, upscaler.most_noise, upscaler.detail) == (2, 100, 8.0)
    assert upscaler.model.sampling.prediction == "v_prediction"
    assert upscaler.model.latent_format.channels == 12
    loaded = upscaler.model.network.state_dict()
    assert all(torch.equal(loaded[name], one) for name, one in tiny_network().state_dict().items())


def test_other_files_are_told_apart(tmp_path: Path) -> None:
    write_tiny(tmp_path / "checkpoint.safetensors")
    write_tiny_upscaler(tmp_path / "half.safetensors", upscaler={"scale": 2})
    write_tiny_upscaler(tmp_path / "less.safetensors", scheduler={"prediction_type": "future"})
    for name in ("checkpoint", "half"):
        with pytest.raises(FileProblem, match="no diffusion upscaler"):
            load_diffusion_upscaler(tmp_path / f"{name}.safetensors", "float32")
    with pytest.raises(FileProblem, match="future"):
        load_diffusion_upscaler(tmp_path / "less.safetensors", "float32")


def test_noise_on_the_small_picture_is_that_of_the_level(tmp_path: Path) -> None:
    upscaler = load_diffusion_upscaler(write_tiny_upscaler(tmp_path / "a.safetensors"), "float32")
    small = torch.rand(1, 3, 8, 8)
    noise = torch.randn(1, 3, 8, 8)
    assert torch.equal(with_noise(upscaler, small, noise, 0), small)
    betas = torch.linspace(0.00085**0.5, 0.02**0.5, 1000, dtype=torch.float64) ** 2
    signal = torch.cumprod(1 - betas, 0)[100]
    spread = float(((1 - signal) / signal).sqrt())
    assert torch.allclose(with_noise(upscaler, small, noise, 100), small + spread * noise)


def test_folded_detail_gives_the_large_picture_back(tmp_path: Path) -> None:
    upscaler = load_diffusion_upscaler(write_tiny_upscaler(tmp_path / "a.safetensors"), "float32")
    large = torch.rand(1, 3, 16, 12)
    small = torch.rand(1, 3, 8, 6) * 2 - 1
    base = interpolate(small, (16, 12), mode="bicubic", align_corners=False)
    folded = pixel_unshuffle(8.0 * (large * 2 - 1 - base), SCALE)
    assert torch.allclose(enlarged_by(upscaler, folded, small), large, atol=1e-5)
