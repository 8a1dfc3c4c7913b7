"""Batches saved as one picture that moves."""

from pathlib import Path

import pytest
import torch
from PIL import Image as Pillow

from nodes.animation import save_animated_png, save_animated_webp
from nodes.imaging.picture_files import read_picture
from nodes.types import Image
from tests.nodes.folder_context import TEXTS, FolderContext

FRAMES = Image((torch.arange(3 * 3 * 4 * 6).reshape(3, 3, 4, 6) % 256).float() / 255)


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    (tmp_path / "input").mkdir()
    return FolderContext(tmp_path)


def test_an_animated_png_holds_every_frame_and_its_workflow(host: FolderContext) -> None:
    save_animated_png(FRAMES, "input/a", 4.0, ctx=host)
    path, about = host.saved[0]
    assert about["mime"] == "image/png"
    assert torch.equal(read_picture(path)[0], FRAMES.pixels)
    with Pillow.open(path) as picture:
        assert picture.n_frames == 3  # type: ignore[attr-defined]
        assert picture.info["duration"] == 250
        picture.load()
        assert {key: picture.text[key] for key in TEXTS} == TEXTS  # type: ignore[attr-defined]


def test_an_animated_webp_holds_every_frame_and_its_workflow(host: FolderContext) -> None:
    save_animated_webp(FRAMES, "input/a", 4.0, lossless=True, ctx=host)
    path, about = host.saved[0]
    assert (about["mime"], about["kind"]) == ("image/webp", "animation")
    assert torch.equal(read_picture(path)[0], FRAMES.pixels)
    with Pillow.open(path) as picture:
        assert picture.n_frames == 3  # type: ignore[attr-defined]
        exif = picture.getexif()
    assert exif[0x0110] == "prompt:{}"
    assert exif[0x010F].startswith("weft:")


def test_what_may_be_lost_is_smaller(host: FolderContext) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = Image(torch.rand(2, 3, 32, 32, generator=generator))
    save_animated_webp(noise, "input/a", lossless=True, ctx=host)
    save_animated_webp(noise, "input/b", lossless=False, quality=10, method="fastest", ctx=host)
    exact, rough = (path.stat().st_size for path, _ in host.saved)
    assert rough < exact / 2


def test_one_picture_is_an_animation_of_one(host: FolderContext) -> None:
    save_animated_png(Image(FRAMES.pixels[:1]), "input/a", ctx=host)
    assert torch.equal(read_picture(host.saved[0][0])[0], FRAMES.pixels[:1])
