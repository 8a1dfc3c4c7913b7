"""Playground 2.5 and CosXL: SDXL's network on continuous noise levels, told by a few tensors."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EDMDPMSolverMultistepScheduler
from torch import Tensor

from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint, model_sampling
from nodes.diffusion.files.families import PLAYGROUND_NOISE
from nodes.diffusion.files.separate_parts import load_denoiser
from nodes.diffusion.files.vae_shapes import latents_of
from nodes.model import model_sampling_continuous_edm
from nodes.sampling import k_sampler
from nodes.saving import model_save
from nodes.text import clip_text_encode
from nodes.types import Image, Latent
from nodes.vae import vae_decode, vae_encode
from tests.nodes.diffusion.family_files import file_of, vae, write
from tests.nodes.folder_context import FolderContext

MEAN = torch.tensor([-1.6574, 1.886, -1.383, 2.5155])[:, None, None]
DEVIATION = torch.tensor([8.4927, 5.9022, 6.5498, 5.2299])[:, None, None]


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    marks = {"edm_mean": MEAN[None], "edm_std": DEVIATION[None]}
    path = tmp_path_factory.mktemp("playground") / "a.safetensors"
    return load_checkpoint(write(path, file_of("sdxl") | marks), "float32")


def test_its_noise_levels_and_their_names_are_those_of_its_scheduler(
    playground: Checkpoint,
) -> None:
    scheduler: Any = EDMDPMSolverMultistepScheduler(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5)
    sampling: Any = playground.model.sampling
    assert (sampling.prediction, sampling.sigma_min) == ("edm", pytest.approx(0.002))
    x, output = torch.randn(1, 4, 4, 4), torch.randn(1, 4, 4, 4)
    sigma = torch.tensor(3.0)
    assert torch.allclose(sampling.input(x, sigma), scheduler.precondition_inputs(x, sigma))
    assert float(sampling.timestep(sigma)) == pytest.approx(
        float(scheduler.precondition_noise(sigma))
    )
    theirs = scheduler.precondition_outputs(x, output, sigma)
    assert torch.allclose(sampling.denoised(output, x, sigma), theirs, atol=1e-6)
    assert model_sampling(PLAYGROUND_NOISE).sigma_max == pytest.approx(80.0)


def test_each_channel_of_its_latents_has_a_mean_and_a_spread(playground: Checkpoint) -> None:
    pixels = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    raw: Tensor = vae().encode(pixels * 2 - 1).latent_dist.mode()
    latent = vae_encode(Image(pixels), playground.vae)
    assert torch.allclose(latent.samples, (raw - MEAN) / DEVIATION * 0.5, atol=1e-5)
    shown = vae_decode(latent, playground.vae).pixels
    wanted = (vae().decode(raw).sample / 2 + 0.5).clamp(0, 1)
    assert torch.allclose(shown, wanted, atol=1e-5)
    assert len(playground.model.latent_format.rgb) == 4


def test_means_are_told_by_a_vaes_configuration_and_never_by_its_scale() -> None:
    told = {"latents_mean": [1.0] * 4, "latents_std": [2.0] * 4}
    config = {"latent_channels": 4, "scaling_factor": 0.5, "block_out_channels": [8] * 4}
    assert latents_of(config).means == ()
    assert latents_of(config | told).means == (1.0,) * 4
    assert latents_of(config | told).deviations == (2.0,) * 4


def test_a_vae_of_sdxl_serves_it_and_a_picture_is_drawn(
    playground: Checkpoint, tmp_path: Path
) -> None:
    plain = load_checkpoint(write(tmp_path / "xl.safetensors", file_of("sdxl")), "float32")
    yes, no = (clip_text_encode(words, playground.clip) for words in ("a cat", ""))
    latent = Latent(torch.zeros(1, 4, 8, 8))
    made = k_sampler(playground.model, yes, no, latent, 5, 3, 3.0, "dpmpp_2m", "karras")
    one, two = (vae_decode(made, each).pixels for each in (playground.vae, plain.vae))
    assert torch.isfinite(made.samples).all()
    assert torch.allclose(one, two, atol=1e-4)


def test_a_node_says_it_of_a_network_alone(playground: Checkpoint, tmp_path: Path) -> None:
    plain = load_checkpoint(write(tmp_path / "xl.safetensors", file_of("sdxl")), "float32")
    told: Any = model_sampling_continuous_edm(plain.model, "edm_playground_v2.5", 80.0, 0.002)
    given: Any = playground.model
    assert told.sampling.data_spread == given.sampling.data_spread == 0.5
    assert torch.equal(told.sampling.sigmas, given.sampling.sigmas)
    assert told.latent_format.means == given.latent_format.means


@pytest.mark.parametrize("kind", ["playground", "cosxl"])
def test_they_are_told_again_when_they_are_saved(
    playground: Checkpoint, tmp_path: Path, kind: str
) -> None:
    host = FolderContext(tmp_path)
    model: Any = playground.model
    if kind == "cosxl":
        marks = {
            f"edm_vpred.sigma_{end}": torch.tensor(v) for end, v in (("min", 0.002), ("max", 120.0))
        }
        path = write(tmp_path / "cosxl.safetensors", file_of("sdxl") | marks)
        model = load_checkpoint(path, "float32").model
        assert model.sampling.prediction == "v_prediction"
        assert model.sampling.sigma_max == pytest.approx(120.0)
    model_save(model, "b", ctx=host)
    back: Any = load_denoiser(host.saved[-1][0], "float32")
    assert torch.equal(back.sampling.sigmas, model.sampling.sigmas)
    assert (back.sampling.prediction, back.sampling.clock) == (model.sampling.prediction, "log")
    assert back.latent_format.means == model.latent_format.means
