"""Pictures survive the way to a file and back, and carry their texts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nodes.errors import FileProblem
from nodes.imaging import picture_files
from nodes.imaging.picture_files import eight_bits, read_picture, write_png


def steps(*shape: int) -> torch.Tensor:
    """Values that 8 bits can hold exactly."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, generator=generator).float() / 255


@pytest.mark.parametrize("channels", [3, 4])
def test_a_png_comes_back_exactly(tmp_path: Path, channels: int) -> None:
    pixels = steps(channels, 5, 7)
    write_png(tmp_path / "a.png", pixels, {})
    colours, alpha = read_picture(tmp_path / "a.png")
    assert colours.shape == (1, 3, 5, 7)
    assert torch.equal(colours[0], pixels[:3])
    assert torch.equal(alpha[0], pixels[3:] if channels == 4 else torch.ones(1, 5, 7))


def test_texts_are_in_the_file_whatever_their_script(tmp_path: Path) -> None:
    texts = {"weft": '{"title": "Ein Kreis ○ 円"}', "prompt": "plain", "note": "ä"}
    write_png(tmp_path / "a.png", steps(3, 2, 2), texts)
    with Image.open(tmp_path / "a.png") as image:
        assert image.text == texts  # type: ignore[attr-defined]


def test_values_are_rounded_and_bounded() -> None:
    pixels = torch.tensor([-0.5, 0.1 / 255, 0.6 / 255, 1.5]).reshape(1, 1, 4).repeat(3, 1, 1)
    assert eight_bits(pixels)[0, :, 0].tolist() == [0, 0, 1, 255]


def test_the_cameras_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2), "black")
    image.putpixel((0, 0), (255, 0, 0))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    colours, _ = read_picture(tmp_path / "a.png")
    assert colours.shape == (1, 3, 4, 2)
    assert colours[0, 0, 0, 1] == 1


def test_an_animation_is_a_batch_of_frames(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (3, 2), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    colours, _ = read_picture(tmp_path / "a.gif")
    assert torch.equal(colours[:, :, 0, 0], torch.eye(3))


def test_a_palette_with_transparency_has_alpha(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=1)
    colours, alpha = read_picture(tmp_path / "a.png")
    assert alpha[0, 0, 0].tolist() == [1, 0]
    assert colours[0, :, 0, 0].tolist() == [1, 0, 0]


def test_sixteen_bits_of_grey_are_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    colours, _ = read_picture(tmp_path / "a.png")
    assert torch.allclose(colours[0, :, 0], torch.tensor([0, 32768 / 65535, 1]).repeat(3, 1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK", "YCbCr", "F"])
def test_pictures_of_any_mode_are_read(tmp_path: Path, mode: str) -> None:
    suffix = ".png" if mode in ("1", "L", "LA") else ".tiff"
    Image.new(mode, (3, 2)).save(tmp_path / f"a{suffix}")
    colours, alpha = read_picture(tmp_path / f"a{suffix}")
    assert colours.shape == (1, 3, 2, 3)
    assert alpha.shape == (1, 1, 2, 3)
    assert colours.dtype == torch.float32


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_gets_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(FileProblem, match=r"a\.png is no picture"):
        read_picture(tmp_path / "a.png")


def test_a_truncated_picture_is_told(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", steps(3, 64, 64), {})
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileProblem, match="is damaged"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("side", [9_000, 14_000])
def test_a_picture_made_to_fill_memory_is_refused_unread(tmp_path: Path, side: int) -> None:
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    with pytest.raises(FileProblem, match="more than 80 million pixels"):
        read_picture(tmp_path / "a.png")


def test_frames_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_files, "LARGEST_PIXELS", 10)
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(FileProblem, match="pixels"):
        read_picture(tmp_path / "a.gif")
