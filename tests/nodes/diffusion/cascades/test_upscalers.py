"""Enlarging networks load in every layout of theirs, and compute what their papers say."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, leaky_relu, pixel_shuffle, prelu

from nodes.diffusion.cascades.upscaler_file import load_upscaler
from nodes.diffusion.cascades.upscalers import upscale_once
from nodes.errors import FileProblem
from nodes.types import UpscaleModel

Weights = dict[str, Tensor]
FEATURES, GROWTH, BLOCKS = 6, 3, 2


def basic_sr(doublings: int, channels: int = 3) -> Weights:
    """Random weights of an RRDBNet under the names of Real-ESRGAN's code."""
    shapes = {"conv_first": (FEATURES, channels), "conv_body": (FEATURES, FEATURES)}
    shapes |= {f"conv_up{n + 1}": (FEATURES, FEATURES) for n in range(doublings)}
    shapes |= {"conv_hr": (FEATURES, FEATURES), "conv_last": (3, FEATURES)}
    for block in range(BLOCKS):
        for dense in (1, 2, 3):
            for conv in range(5):
                out = GROWTH if conv < 4 else FEATURES
                name = f"body.{block}.rdb{dense}.conv{conv + 1}"
                shapes[name] = (out, FEATURES + conv * GROWTH)
    return with_values(shapes)


def with_values(shapes: dict[str, tuple[int, int]]) -> Weights:
    generator = torch.Generator().manual_seed(0)
    weights: Weights = {}
    for name, (out, into) in shapes.items():
        scale = (into * 9) ** -0.5
        weights[f"{name}.weight"] = torch.randn(out, into, 3, 3, generator=generator) * scale
        weights[f"{name}.bias"] = torch.randn(out, generator=generator) * 0.1
    return weights


def first_release(weights: Weights) -> Weights:
    """Rename weights as the first release of ESRGAN does: modules in a row, by their numbers."""
    ups = sorted(n for n in weights if n.startswith("conv_up") and n.endswith(".weight"))
    numbers = {"conv_first": "model.0", "conv_body": f"model.1.sub.{BLOCKS}"}
    numbers |= {name.removesuffix(".weight"): f"model.{3 * n + 3}" for n, name in enumerate(ups)}
    end = 3 * len(ups) + 2
    numbers |= {"conv_hr": f"model.{end}", "conv_last": f"model.{end + 2}"}
    renamed = {}
    for name, tensor in weights.items():
        part, kind = name.rsplit(".", 1)
        new = part.replace("body.", "model.1.sub.").replace("rdb", "RDB")
        renamed[numbers.get(part, f"{new}.0") + f".{kind}"] = tensor
    return renamed


def original_code(weights: Weights) -> Weights:
    """Rename weights as ESRGAN's own code does."""
    names = {"conv_body": "trunk_conv", "conv_hr": "HRconv", "body.": "RRDB_trunk."}
    names |= {"rdb": "RDB", "conv_up": "upconv"}
    renamed = {}
    for name, tensor in weights.items():
        for new, old in names.items():
            name = name.replace(new, old)
        renamed[name] = tensor
    return renamed


def esrgan(weights: Weights, x: Tensor) -> Tensor:
    """Compute ESRGAN from its paper, by the weights alone."""

    def conv(name: str, x: Tensor) -> Tensor:
        return conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    shallow = conv("conv_first", x)
    y = shallow
    for block in range(BLOCKS):
        whole = y
        for dense in (1, 2, 3):
            seen = [y]
            for number in (1, 2, 3, 4):
                name = f"body.{block}.rdb{dense}.conv{number}"
                seen.append(leaky_relu(conv(name, torch.cat(seen, 1)), 0.2))
            y = y + 0.2 * conv(f"body.{block}.rdb{dense}.conv5", torch.cat(seen, 1))
        y = whole + 0.2 * y
    y = shallow + conv("conv_body", y)
    number = 1
    while f"conv_up{number}.weight" in weights:
        y = y.repeat_interleave(2, -1).repeat_interleave(2, -2)
        y = leaky_relu(conv(f"conv_up{number}", y), 0.2)
        number += 1
    return conv("conv_last", leaky_relu(conv("conv_hr", y), 0.2))


def loaded(folder: Path, weights: Weights) -> UpscaleModel:
    path = folder / "a.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    return load_upscaler(path, "float32")


def picture(height: int = 9, width: int = 7) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layout", [dict, first_release, original_code])
@pytest.mark.parametrize("doublings", [0, 1, 2, 3])
def test_every_layout_of_esrgan_computes_what_the_paper_says(
    tmp_path: Path, layout: Callable[[Weights], Weights], doublings: int
) -> None:
    weights = basic_sr(doublings)
    model = loaded(tmp_path, layout(weights))
    assert model.scale == 2**doublings
    assert torch.allclose(model.network(picture()), esrgan(weights, picture()), atol=1e-5)


@pytest.mark.parametrize(("folded", "scale"), [(2, 2), (4, 1)])
def test_networks_that_fold_pixels_take_sides_of_any_length(
    tmp_path: Path, folded: int, scale: int
) -> None:
    weights = basic_sr(2, 3 * folded**2)
    model = loaded(tmp_path, weights)
    assert model.scale == scale
    rows, columns = -9 % folded, -7 % folded
    whole = torch.nn.functional.pad(picture(), (0, columns, 0, rows), mode="replicate")
    # Channel c * folded² + row * folded + column holds that pixel of each square.
    planes = [
        whole[:, c, row::folded, column::folded]
        for c in range(3)
        for row in range(folded)
        for column in range(folded)
    ]
    expected = esrgan(weights, torch.stack(planes, 1))[..., : 9 * scale, : 7 * scale]
    assert torch.allclose(model.network(picture()), expected, atol=1e-5)


def compact(scale: int) -> Weights:
    generator = torch.Generator().manual_seed(0)
    weights = with_values(
        {
            "body.0": (FEATURES, 3),
            "body.2": (FEATURES, FEATURES),
            "body.4": (3 * scale**2, FEATURES),
        }
    )
    slopes = {f"body.{n}.weight": torch.rand(FEATURES, generator=generator) for n in (1, 3)}
    return weights | slopes


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_compact_network_adds_detail_to_the_nearest_pixels(tmp_path: Path, scale: int) -> None:
    weights = compact(scale)
    model = loaded(tmp_path, weights)
    x = picture()
    for number in (0, 2, 4):
        x = conv2d(x, weights[f"body.{number}.weight"], weights[f"body.{number}.bias"], padding=1)
        if number < 4:
            x = prelu(x, weights[f"body.{number + 1}.weight"])
    expected = pixel_shuffle(x, scale) + interpolate(picture(), scale_factor=scale)
    assert model.scale == scale
    assert torch.allclose(model.network(picture()), expected, atol=1e-5)


def test_results_are_pictures(tmp_path: Path) -> None:
    weights = basic_sr(1)
    weights["conv_last.bias"] = torch.tensor([-5.0, 5.0, 0.5])
    made = upscale_once(loaded(tmp_path, weights), picture())
    assert made.shape == (1, 3, 18, 14)
    assert made[:, 0].max() == 0
    assert made[:, 1].min() == 1


@pytest.mark.parametrize("wrapping", ["params", "params_ema", "state_dict", ""])
def test_a_pickled_file_of_weights_is_read(tmp_path: Path, wrapping: str) -> None:
    weights = basic_sr(1)
    other = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    content: dict[str, Any] = {wrapping: weights} if wrapping else dict(weights)
    if wrapping == "params_ema":
        content = {"params": other} | content
    path = tmp_path / "a.pth"
    torch.save(content, path)
    model = load_upscaler(path, "float32")
    assert torch.allclose(model.network(picture()), esrgan(weights, picture()), atol=1e-5)


class Runs:
    """What would write a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_that_would_run_code_is_refused_unrun(tmp_path: Path) -> None:
    torch.save({"params": basic_sr(1), "more": Runs(tmp_path / "made")}, tmp_path / "a.pth")
    with pytest.raises(FileProblem, match="would run code") as refused:
        load_upscaler(tmp_path / "a.pth", "float32")
    assert "safetensors" in refused.value.hint
    assert not (tmp_path / "made").exists()


def test_a_broken_download_is_told(tmp_path: Path) -> None:
    torch.save(basic_sr(1), tmp_path / "a.pth")
    whole = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileProblem, match="is damaged"):
        load_upscaler(tmp_path / "a.pth", "float32")


def test_other_networks_need_a_package_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None there makes the import fail as it does where the package is not installed.
    monkeypatch.setitem(sys.modules, "spandrel", None)
    for weights in (
        {"layers.0.weight": torch.zeros(1)},
        basic_sr(1) | {"body.0.rdb1.conv1x1.weight": torch.zeros(3, 6, 1, 1)},
        {"conv_first.weight": torch.zeros(6, 5, 3, 3), "conv_last.weight": torch.zeros(3, 6, 3, 3)},
        compact(2) | {"body.4.weight": torch.zeros(7, FEATURES, 3, 3)},
    ):
        with pytest.raises(FileProblem, match="no ESRGAN") as refused:
            loaded(tmp_path, weights)
        assert "pip install spandrel" in refused.value.hint


def test_the_precision_is_one_that_pictures_need(tmp_path: Path) -> None:
    save_file(basic_sr(1), tmp_path / "a.safetensors")
    for asked, given in (("bfloat16", torch.float32), ("float16", torch.float16)):
        model = load_upscaler(tmp_path / "a.safetensors", asked)
        assert next(model.network.parameters()).dtype == given
