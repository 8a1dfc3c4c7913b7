"""The ControlNet starts without effect, sees its hints from the start, and is written to a file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import CLIPTextModel

from nodes.diffusion.adapters.control_file import load_control_net
from training import control, latents, unet, vae
from training.clip import text_config
from training.control import Hinted
from training.export import LARGEST_COMPANION, export_control
from training.networks import ControlNetwork
from training.pictures import draw, pixels
from training.tokens import tokenizer
from training.unet import Denoiser, signal_shares

COUNT = 8


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    torch.set_num_threads(1)
    model = unet.build(CLIPTextModel(text_config()))
    return model.eval().requires_grad_(False)


@pytest.fixture
def untrained(denoiser: Denoiser) -> ControlNetwork:
    return control.build(denoiser, "cpu")[0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Hinted:
    folder = tmp_path_factory.mktemp("latents")
    for kind in latents.KINDS:
        latents.encode_shard(vae.build().eval(), folder, kind, 0, COUNT)
    return control.load_hinted(folder, 1.0)


def test_only_pictures_with_edges_are_shown_and_each_beside_its_own(pictures: Hinted) -> None:
    images = pixels(
        [draw(each) for kind in latents.KINDS for each in latents.shard_pictures(kind, 0, COUNT)]
    )
    shown = pictures.hint(np.arange(len(pictures.sources)))
    assert shown.flatten(1).any(1).all()
    # By the node's thresholds first, then by the faint ones, which more pictures pass.
    plain = int((np.diff(pictures.sources) < 0).argmax()) + 1
    assert plain <= len(shown) - plain
    for part, thresholds in (
        (slice(None, plain), control.THRESHOLDS),
        (slice(plain, None), control.FAINT),
    ):
        expected = control.edges_of(images[pictures.sources[part]], thresholds)
        assert torch.equal(shown[part] > 0, expected.expand(-1, 3, -1, -1))


def test_about_half_of_the_pictures_lose_their_caption(pictures: Hinted) -> None:
    batch = control.draw_batch(pictures, 200, np.random.default_rng(0))
    texts = [tokenizer().decode(row, skip_special_tokens=True) for row in batch.tokens]
    shown = [texts[row] for row in batch.rows.tolist()]
    assert 60 < shown.count("") < 140
    for text, latent in zip(shown, batch.latents, strict=True):
        index = next(i for i, each in enumerate(pictures.latents) if torch.equal(each, latent))
        assert text in ("", pictures.captions[index])


def test_an_untrained_control_changes_nothing(
    denoiser: Denoiser, untrained: ControlNetwork, pictures: Hinted
) -> None:
    batch = control.draw_batch(pictures, 4, np.random.default_rng(0))
    plain = unet.Batch(batch.latents, batch.tokens, batch.rows)
    torch.manual_seed(0)
    without = unet.velocity_loss(denoiser, plain, signal_shares())
    torch.manual_seed(0)
    steered = control.control_loss(untrained, denoiser, batch, signal_shares())
    assert float(steered.detach()) == pytest.approx(float(without), rel=1e-5)


def test_edges_reach_the_latents_in_an_untrained_control(
    untrained: ControlNetwork, pictures: Hinted
) -> None:
    hints = pictures.hint(np.arange(8))
    seen = untrained.controlnet_cond_embedding(hints).detach()
    assert 0.2 < float(seen.std()) < 1
    assert float((seen[0] - seen[1]).std()) > 0.1


def test_a_few_steps_make_the_hint_matter(
    denoiser: Denoiser, untrained: ControlNetwork, pictures: Hinted
) -> None:
    optimizer = torch.optim.AdamW(untrained.parameters(), lr=1e-3)
    batch = control.draw_batch(pictures, 4, np.random.default_rng(0))
    for _ in range(3):
        torch.manual_seed(0)
        optimizer.zero_grad()
        control.control_loss(untrained, denoiser, batch, signal_shares()).backward()
        optimizer.step()
    x, states = batch.latents, denoiser.text(batch.tokens).last_hidden_state[batch.rows]
    one, other = (
        untrained(x, 500, states, controlnet_cond=hints, return_dict=False)[1].detach()
        for hints in (batch.hints, torch.zeros_like(batch.hints))
    )
    assert float((one - other).abs().max()) > 1e-4


def test_the_file_is_read_back_by_the_node_as_it_was(
    untrained: ControlNetwork, tmp_path: Path
) -> None:
    torch.nn.init.normal_(untrained.controlnet_mid_block.weight)
    path = tmp_path / "edges.safetensors"
    export_control(untrained, path)
    assert path.stat().st_size <= LARGEST_COMPANION
    with safe_open(path, framework="pt") as file:
        assert "control_model.input_hint_block.0.weight" in file.keys()  # noqa: SIM118
        assert file.metadata()["modelspec.license"] == "Apache-2.0"
    found = load_control_net(path, "float32").network.state_dict()
    expected = untrained.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name].half().float()) for name in expected)
