"""Values on wires are kept in files and come back bit by bit."""

from pathlib import Path

import pytest
import torch

from nodes.types import (
    STORED,
    Area,
    Cond,
    Conditioning,
    Image,
    Latent,
    Mask,
    Model,
    Sigmas,
)


def test_image_comes_back_bit_by_bit(tmp_path: Path) -> None:
    image = Image(torch.rand(2, 3, 5, 7))
    STORED.dump(image, tmp_path / "image")
    back = STORED.load(tmp_path / "image")
    assert isinstance(back, Image)
    assert torch.equal(back.pixels, image.pixels)
    assert back.pixels.dtype == torch.float32


def test_conditioning_comes_back_with_all_that_it_holds(tmp_path: Path) -> None:
    part = Cond(
        torch.randn(1, 77, 4),
        pooled=torch.randn(1, 4, dtype=torch.bfloat16),
        strength=0.5,
        area=Area(0.5, 0.25, 0.1, 0.2, relative=True),
        mask=Mask(torch.rand(1, 1, 4, 4)),
        start=0.25,
        extras={"size": (1024, 768), "guidance": torch.tensor(3.5), "note": None},
    )
    STORED.dump(Conditioning((part, Cond(torch.zeros(1, 0, 4)))), tmp_path / "value")
    back = STORED.load(tmp_path / "value")
    assert isinstance(back, Conditioning)
    first, second = back.parts
    assert torch.equal(first.embeds, part.embeds)
    assert first.pooled is not None
    assert part.pooled is not None
    assert torch.equal(first.pooled, part.pooled)
    assert first.pooled.dtype == torch.bfloat16
    assert (first.strength, first.start, first.end, first.area) == (0.5, 0.25, 1.0, part.area)
    assert isinstance(first.mask, Mask)
    assert first.extras["size"] == (1024, 768)
    assert first.extras["note"] is None
    assert torch.equal(torch.as_tensor(first.extras["guidance"]), torch.tensor(3.5))
    assert second.embeds.shape == (1, 0, 4)


def test_views_and_repeated_tensors_are_written_whole(tmp_path: Path) -> None:
    whole = torch.arange(24.0).reshape(1, 1, 4, 6)
    latent = Latent(whole[..., 1:3, ::2], Mask(whole.expand(3, 1, 4, 6)), (0, 2))
    STORED.dump(latent, tmp_path / "value")
    back = STORED.load(tmp_path / "value")
    assert torch.equal(back.samples, latent.samples)
    assert torch.equal(back.mask.values, whole.expand(3, 1, 4, 6))
    assert back.batch_index == (0, 2)


def test_a_tensor_that_appears_twice_counts_once() -> None:
    embeds = torch.zeros(1, 77, 8)
    value = Conditioning((Cond(embeds), Cond(embeds, strength=0.5)))
    assert STORED.nbytes(value) == 77 * 8 * 4
    assert STORED.nbytes(Sigmas(torch.zeros(21))) == 21 * 4


def test_a_value_with_a_network_cannot_be_written(tmp_path: Path) -> None:
    value = Cond(torch.zeros(1), extras={"network": torch.nn.Linear(1, 1)})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="Linear cannot be written"):
        STORED.dump(value, tmp_path / "value")
    assert not (tmp_path / "value").exists()


def test_models_are_not_kept() -> None:
    with pytest.raises(TypeError, match="Model cannot be written"):
        STORED.nbytes(object.__new__(Model))
