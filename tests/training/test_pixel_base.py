"""The denoiser of small pictures starts as the miniature's, and draws pictures of 64 pixels."""

import pytest
import torch
from transformers import CLIPTextModel

from training import pixel_base, unet
from training.clip import text_config
from training.pictures import draw, unit_pixels
from training.score import questions
from training.unet import Denoiser, signal_shares


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    torch.set_num_threads(1)
    model = unet.build(CLIPTextModel(text_config()))
    return model.eval().requires_grad_(False)


def test_what_is_folded_unfolds_to_the_picture() -> None:
    images = unit_pixels([draw(each, pixel_base.SIDE) for each in questions("scene", 2)])
    folded = pixel_base.fold(images)
    assert folded.shape == (2, pixel_base.FOLDED, 16, 16)
    assert torch.allclose(pixel_base.unfold(folded), 2 * images - 1, atol=1e-6)


def test_all_but_the_ends_start_as_the_miniature(denoiser: Denoiser) -> None:
    network, _ = pixel_base.build(denoiser, "cpu")
    known, own = denoiser.unet.state_dict(), network.state_dict()
    same = {name for name in own if name in known and torch.equal(own[name], known[name])}
    assert {name.split(".")[0] for name in own if name not in same} == {"conv_in", "conv_out"}


def test_large_things_come_first_and_stay_half_of_all() -> None:
    assert pixel_base.STAGES[0].shares == {"plain": 1.0}
    for stage in pixel_base.STAGES:
        assert sum(stage.shares.values()) == pytest.approx(1)
        assert stage.shares["plain"] >= 0.5


def test_a_few_steps_lower_the_loss(denoiser: Denoiser) -> None:
    network, _ = pixel_base.build(denoiser, "cpu")
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-4)
    batch, losses = pixel_base.training_batch(4, 0), []
    for _ in range(8):
        torch.manual_seed(0)
        loss = pixel_base.pixel_loss(network, denoiser.text, batch, signal_shares())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_captions_become_pictures_of_64_pixels(denoiser: Denoiser) -> None:
    model = Denoiser(denoiser.text)
    model.unet = pixel_base.build(denoiser, "cpu")[0]
    drawn = pixel_base.draw_captions(model.eval(), ["a red star on a blue background"], 1)
    assert drawn.shape == (1, 64, 64, 3)
    assert drawn.std() > 1
