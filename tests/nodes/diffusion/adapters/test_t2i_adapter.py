"""T2I-Adapters load in both layouts, and steer as diffusers' own modules do."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import T2IAdapter
from safetensors.torch import save_file
from torch import Tensor

from nodes.control import control_net_apply, control_net_loader
from nodes.diffusion.adapters.control_file import load_control_net
from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.errors import FileProblem, NodeError
from nodes.types import ControlNet, Image, Model
from tests.nodes.diffusion.family_files import unet
from tests.nodes.diffusion.tiny_sampling import EPSILON, FORMAT, prompt
from tests.nodes.folder_context import FolderContext

CHANNELS = {"full_adapter": [64] * 4, "light_adapter": [64] * 3, "full_adapter_xl": [64, 64, 128]}


@cache
def adapter(kind: str, in_channels: int = 3) -> Any:
    torch.manual_seed(0)
    network: Any = T2IAdapter(
        in_channels=in_channels,
        # The real one for SDXL has a fourth level, which meets the network's middle.
        channels=[*CHANNELS[kind], 128] if kind.endswith("xl") else CHANNELS[kind],
        num_res_blocks=2,
        downscale_factor=16 if kind.endswith("xl") else 8,
        adapter_type=kind,
    )
    return network.requires_grad_(False).eval()


def original(network: Any) -> dict[str, Tensor]:
    """Name weights as the first files did: blocks numbered throughout, or within their level."""
    light = network.config.adapter_type == "light_adapter"
    made: dict[str, Tensor] = {}
    for full, tensor in network.state_dict().items():
        name = full.removeprefix("adapter.")
        parts = name.split(".")
        if light and parts[2] == "resnets":
            parts[2] = "body"
        elif parts[0] == "body" and not light:
            block = 0 if parts[2] == "in_conv" else int(parts[3])
            rest = parts[2:] if parts[2] == "in_conv" else parts[4:]
            parts = ["body", str(2 * int(parts[1]) + block), *rest]
        made[".".join(parts)] = tensor.contiguous()
    return made


def picture() -> Image:
    return Image(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5)))


def model_of(family: str) -> Model:
    return Model(unet(family), EPSILON, FORMAT, "float32", family)


def estimate(model: Model, net: ControlNet, strength: float, x: Tensor) -> Tensor:
    text = control_net_apply(prompt(1, width=1024), net, picture(), strength)
    (made,) = denoise(model, x, 2.0, fit_conditionings([text], model.sampling, x, 8))
    return made


X = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("layout", ["original", "diffusers"])
@pytest.mark.parametrize("kind", list(CHANNELS))
def test_every_layout_is_the_same_adapter(
    tmp_path: Path, kind: str, layout: str, in_channels: int
) -> None:
    network = adapter(kind, in_channels)
    weights = original(network) if layout == "original" else dict(network.state_dict())
    (tmp_path / "controlnet").mkdir()
    save_file(weights, tmp_path / "controlnet" / "a.safetensors")
    made: Any = control_net_loader("a.safetensors", ctx=FolderContext(tmp_path)).network
    assert made.__class__.__name__ == "T2IAdapter"
    for name, tensor in network.state_dict().items():
        assert torch.equal(made.state_dict()[name], tensor)
    hint = torch.rand(1, in_channels, 64, 64)
    for one, two in zip(made(hint), network(hint), strict=True):
        assert torch.allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("kind", ["full_adapter", "light_adapter"])
def test_what_it_reads_is_added_on_the_way_down(kind: str) -> None:
    model, net = model_of("sd2"), ControlNet(adapter(kind), "float32", kind)
    network: Any = model.network
    planes = [0.5 * each for each in adapter(kind)(picture().pixels)]
    sigma = torch.tensor(2.0)
    noise = network(
        model.sampling.input(X, sigma),
        model.sampling.timestep(sigma),
        prompt(1, width=1024).parts[0].embeds,
        down_intrablock_additional_residuals=planes,
    ).sample
    theirs = model.sampling.denoised(noise, X, sigma)
    assert torch.allclose(estimate(model, net, 0.5, X), theirs, atol=1e-5)
    assert not torch.allclose(estimate(model, net, 0.0, X), theirs, atol=1e-3)


def test_two_adapters_are_summed() -> None:
    model, net = model_of("sd2"), ControlNet(adapter("full_adapter"), "float32", "a")
    text = prompt(1, width=1024)
    for strength in (0.25, 0.5):
        text = control_net_apply(text, net, picture(), strength)
    (both,) = denoise(model, X, 2.0, fit_conditionings([text], model.sampling, X, 8))
    assert torch.allclose(both, estimate(model, net, 0.75, X), atol=1e-5)


def test_an_adapter_of_another_family_is_refused() -> None:
    net = ControlNet(adapter("full_adapter_xl"), "float32", "xl")
    with pytest.raises(NodeError, match="another family"):
        estimate(model_of("sd2"), net, 1.0, X)


def test_a_file_that_lacks_weights_is_told(tmp_path: Path) -> None:
    weights = dict(adapter("full_adapter").state_dict())
    del weights["adapter.body.2.resnets.1.block2.bias"]
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(FileProblem, match="lacks"):
        load_control_net(tmp_path / "a.safetensors", "float32")
