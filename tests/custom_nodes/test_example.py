"""The example node does what its help says."""

import importlib.util
from pathlib import Path

import torch

from nodes.types import Image

PATH = Path(__file__).resolve().parents[2] / "custom_nodes" / "example.py"
LOADED = importlib.util.spec_from_file_location("example", PATH)
assert LOADED is not None
assert LOADED.loader is not None
example = importlib.util.module_from_spec(LOADED)
LOADED.loader.exec_module(example)


def test_full_strength_leaves_shades_of_the_ink() -> None:
    white = Image(torch.ones(2, 3, 4, 5))
    tinted = example.tint(white, "blue", 1.0).pixels
    assert torch.allclose(
        tinted, torch.tensor(example.INKS["blue"]).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    )


def test_no_strength_leaves_the_picture_and_alpha_stays() -> None:
    pixels = torch.rand(1, 4, 4, 4)
    before = pixels.clone()
    assert torch.equal(example.tint(Image(pixels), strength=0.0).pixels, pixels)
    assert torch.equal(example.tint(Image(pixels)).pixels[:, 3], pixels[:, 3])
    assert torch.equal(pixels, before)
