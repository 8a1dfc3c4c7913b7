"""Each training lowers its loss, and one that is interrupted goes on as if it had not been."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training import (
    clip,
    control,
    decoder,
    latents,
    pixel_base,
    super_resolution,
    unet,
    upscaler,
    vae,
)
from training.run import Plan, Run
from training.unet import Denoiser

Train = Callable[[Plan, Path], object]
CPU = "cpu"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a barely trained autoencoder and text encoder, and a few latents."""
    path = tmp_path_factory.mktemp("training")
    torch.set_num_threads(1)
    autoencoder = vae.train(Plan(images=8, batch=4, rate=1e-3), path / "vae.pt", CPU)
    clip.train(Plan(images=4, batch=4, rate=1e-3), path / "clip.pt", CPU)
    for kind in latents.KINDS:
        latents.encode_shard(autoencoder, path / "latents", kind, 0, count=16)
    return path


def _denoiser(folder: Path) -> Denoiser:
    return unet.build(clip.text_encoder(folder / "clip.pt"))


def _latents(folder: Path) -> unet.Latents:
    return unet.Latents(folder / "latents", latents.scaling_factor(folder / "latents"))


def _trainings(folder: Path) -> dict[str, Train]:
    return {
        "vae": lambda plan, path: vae.train(plan, path, CPU, side=32),
        "clip": lambda plan, path: clip.train(plan, path, CPU),
        "decoder": lambda plan, path: decoder.train(plan, folder / "vae.pt", path, CPU),
        "unet": lambda plan, path: unet.train(plan, path, _denoiser(folder), _latents(folder), CPU),
        "control": lambda plan, path: control.train(
            plan, path, _denoiser(folder), 1.0, folder / "latents", CPU
        ),
        "upscaler": lambda plan, path: upscaler.train(plan, path, CPU, crop=16),
        "super-resolution": lambda plan, path: super_resolution.train(plan, path, CPU, crop=16),
        "pixel-base": lambda plan, path: pixel_base.train(plan, path, _denoiser(folder), CPU),
    }


def _weights(path: Path, part: str) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(path, weights_only=True)[part]
    return weights


# What each training keeps: all of it has to come out the same.
PARTS = {
    "vae": ("vae",),
    "clip": ("pair",),
    "decoder": ("vae",),
    "unet": ("model", "average"),
    "control": ("control", "average"),
    "upscaler": ("average",),
    "super-resolution": ("average",),
    "pixel-base": ("average",),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_run_in_pieces_is_the_same_run(name: str, folder: Path, tmp_path: Path) -> None:
    plan = Plan(images=6, batch=2, rate=1e-3, warm_up=2)
    train = _trainings(folder)[name]
    train(plan, tmp_path / "whole.pt")
    for _ in range(plan.steps):
        # No minutes at all: it stops after one step, and is continued by the next call.
        train(replace(plan, minutes=0), tmp_path / "pieces.pt")
    assert torch.load(tmp_path / "pieces.pt", weights_only=True)["step"] == plan.steps
    for part in PARTS[name]:
        whole, pieces = (_weights(tmp_path / f"{run}.pt", part) for run in ("whole", "pieces"))
        assert whole.keys() == pieces.keys()
        assert all(torch.equal(whole[key], pieces[key]) for key in whole)


def test_a_finished_run_changes_nothing_more(folder: Path, tmp_path: Path) -> None:
    plan = Plan(images=4, batch=4, rate=1e-3)
    path = tmp_path / "clip.pt"
    clip.train(plan, path, CPU)
    before = _weights(path, "pair")
    clip.train(plan, path, CPU)
    assert all(torch.equal(before[key], value) for key, value in _weights(path, "pair").items())


def test_the_autoencoder_learns_within_a_few_steps(tmp_path: Path) -> None:
    check = vae.training_batch(4, 64, 9)
    untrained = vae.signal_to_noise(vae.build(), check)
    plan = Plan(images=160, batch=8, rate=3e-3, warm_up=2)
    trained = vae.train(plan, tmp_path / "vae.pt", CPU, side=32)
    assert vae.signal_to_noise(trained, check) > untrained + 0.5


def test_the_decoder_alone_changes(folder: Path, tmp_path: Path) -> None:
    decoder.train(Plan(8, 4, 1e-3, warm_up=1), folder / "vae.pt", tmp_path / "decoder.pt", CPU)
    before, after = _weights(folder / "vae.pt", "vae"), _weights(tmp_path / "decoder.pt", "vae")
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert any(key.startswith("decoder.") for key in changed)
    assert not any(key.startswith(("encoder.", "quant_conv.")) for key in changed)


def test_the_denoiser_learns_within_a_few_steps(folder: Path, tmp_path: Path) -> None:
    scale, signal = latents.scaling_factor(folder / "latents"), unet.signal_shares()
    pool = latents.load_pool(folder / "latents", "plain", scale)
    text = clip.text_encoder(folder / "clip.pt")
    model = unet.build(text)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batch = unet.draw_batch(lambda _: pool, 16, {"plain": 1.0}, np.random.default_rng(0))

    def loss_of(step: int) -> torch.Tensor:
        torch.manual_seed(0)
        return unet.velocity_loss(model, batch, signal)

    before = float(loss_of(0).detach())
    Run(tmp_path / "unet.pt", optimizer, {"model": model}).train(
        Plan(images=192, batch=16, rate=1e-3, warm_up=2), loss_of
    )
    assert float(loss_of(0).detach()) < 0.8 * before


def test_scaled_latents_have_unit_size(folder: Path) -> None:
    scale = latents.scaling_factor(folder / "latents")
    pool = latents.load_pool(folder / "latents", "plain", scale)
    assert pool.latents.square().mean().sqrt() == pytest.approx(1, abs=0.01)


def test_latents_without_a_shard_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="latents"):
        latents.load_pool(tmp_path, "plain", 1.0)


def test_a_shard_is_encoded_once(folder: Path) -> None:
    path = latents.shard_path(folder / "latents", "plain", 0)
    written = path.stat().st_mtime_ns
    latents.encode_shard(vae.build(), folder / "latents", "plain", 0)
    assert path.stat().st_mtime_ns == written


def test_the_rate_warms_up_stays_and_falls_to_nothing() -> None:
    plan = Plan(images=1000, batch=1, rate=1.0, warm_up=10, cooldown=0.5)
    assert plan.rate_factor(0) == pytest.approx(0.1)
    assert plan.rate_factor(100) == plan.rate_factor(499) == 1
    assert plan.rate_factor(750) == pytest.approx(0.5)
    assert plan.rate_factor(1000) == pytest.approx(0)


def test_the_last_timestep_keeps_almost_no_signal() -> None:
    last = unet.signal_shares()[-1]
    assert float(((1 - last) / last).sqrt()) == pytest.approx(65.9, abs=0.1)


def test_shares_of_every_stage_sum_to_one_and_keep_large_singles() -> None:
    for stage in (*unet.STAGES, *unet.FURTHER):
        assert sum(stage.shares.values()) == pytest.approx(1)
        assert stage.shares["plain"] >= (0.2 if stage in unet.FURTHER else 0.5)
    assert unet.shares_at(0) == unet.STAGES[0].shares
    assert unet.shares_at(10**9) == unet.STAGES[-1].shares
