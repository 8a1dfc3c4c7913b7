"""Diffusion that enlarges: what is folded unfolds, noise is told, and any size will do."""

from pathlib import Path

import pytest
import torch

from nodes.diffusion.cascades import small_pictures
from nodes.diffusion.cascades import super_resolution as nodes_side
from training import super_resolution
from training.export import LARGEST_COMPANION, export_super_resolution, load_super_resolution
from training.networks import DenoisingNetwork
from training.unet import signal_shares


@pytest.fixture
def untrained() -> DenoisingNetwork:
    torch.set_num_threads(1)
    return super_resolution.build("cpu")[0].eval().requires_grad_(False)


def test_what_is_folded_unfolds_to_the_picture() -> None:
    batch = super_resolution.training_batch(3, 32, 0)
    folded = super_resolution.fold(batch.large, batch.small)
    assert folded.shape == (3, super_resolution.FOLDED, 8, 8)
    assert torch.allclose(super_resolution.unfold(folded, batch.small), batch.large, atol=1e-5)


def test_no_detail_is_bicubic_enlarging() -> None:
    small = torch.rand(1, 3, 8, 8) * 2 - 1
    nothing = torch.zeros(1, super_resolution.FOLDED, 8, 8)
    assert torch.equal(super_resolution.unfold(nothing, small), super_resolution.enlarged(small))


def test_some_small_pictures_are_clean_and_others_as_noisy_as_told() -> None:
    torch.manual_seed(0)
    batch = super_resolution.training_batch(40, 32, 0)
    clean = batch.levels == 0
    assert 8 < int(clean.sum()) < 32
    assert int(batch.levels.max()) <= super_resolution.MOST_NOISE
    flat = torch.zeros(2, 3, 64, 64)
    noisy = super_resolution.with_noise(flat, torch.tensor([0, 20]))
    assert not noisy[0].any()
    sigma = super_resolution.relative_noise(signal_shares())[20]
    assert float(noisy[1].std()) == pytest.approx(float(sigma), rel=0.05)


def test_a_few_steps_lower_the_loss() -> None:
    torch.set_num_threads(1)
    network, _ = super_resolution.build("cpu")
    torch.manual_seed(0)
    batch = super_resolution.training_batch(4, 32, 0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        torch.manual_seed(0)
        loss = super_resolution.detail_loss(network, batch, signal_shares())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("size", [(16, 16), (10, 24)])
def test_pictures_of_any_size_are_enlarged_the_same_for_a_seed(
    untrained: DenoisingNetwork, size: tuple[int, int]
) -> None:
    small = torch.rand(1, 3, *size)
    one, same = (
        super_resolution.enlarge(untrained, small, level=10, steps=2, seed=3) for _ in range(2)
    )
    assert one.shape == (1, 3, 4 * size[0], 4 * size[1])
    assert torch.equal(one, same)
    assert one.min() >= 0
    assert one.max() <= 1


def test_the_file_is_read_back_here_and_by_the_nodes(
    untrained: DenoisingNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "diffusion.safetensors"
    export_super_resolution(untrained, path)
    assert path.stat().st_size <= LARGEST_COMPANION
    expected = {name: weight.half().float() for name, weight in untrained.state_dict().items()}
    found = nodes_side.load_diffusion_upscaler(path, "float32")
    assert (found.scale, found.detail) == (super_resolution.SCALE, super_resolution.DETAIL)
    assert found.most_noise == super_resolution.MOST_NOISE
    for network in (load_super_resolution(path), found.model.network):
        weights = network.state_dict()
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_the_nodes_unfold_and_add_noise_as_the_training_does(
    untrained: DenoisingNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "diffusion.safetensors"
    export_super_resolution(untrained, path)
    found = nodes_side.load_diffusion_upscaler(path, "float32")
    small, x = torch.rand(1, 3, 8, 8) * 2 - 1, torch.randn(1, super_resolution.FOLDED, 8, 8)
    expected = (super_resolution.unfold(x, small) / 2 + 0.5).clamp(0, 1)
    assert torch.allclose(small_pictures.enlarged_by(found, x, small), expected, atol=1e-6)
    torch.manual_seed(0)
    mine = super_resolution.with_noise(small, torch.tensor([20]))
    torch.manual_seed(0)
    theirs = small_pictures.with_noise(found, small, torch.randn(small.shape), 20)
    assert torch.allclose(mine, theirs, atol=1e-5)
