"""Pictures from outside are measured before they are decoded."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from nodes.errors import FileProblem
from server.files import Files
from server.pictures import check, measure, small, with_mask
from server.settings import Settings
from server.thumbnails import Thumbnails, trim
from server.uploads import part_for, store_masked, store_picture
from tests.server.pictures import bomb, encoded, put, text_bomb


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(Settings(data_dir=tmp_path))


def receive(files: Files, data: bytes, name: str, **how: bool) -> str:
    part = part_for(files)
    part.write_bytes(data)
    stored = store_picture(files, part, name, **how)  # type: ignore[arg-type]
    assert not part.exists()
    return stored.name


def names(files: Files) -> list[str]:
    return sorted(path.name for path in files.place("input").iterdir())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "picture.format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture.format"),
        (b"<html><script>alert(1)</script>", "picture.format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "picture.format"),
        (bomb(), "picture.size"),
        (encoded(64, 64)[:80], "picture.broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 100, "picture."),
        (text_bomb(), "picture.broken"),
    ],
    ids=["empty", "svg", "html", "postscript", "pixels", "cut", "noise", "text"],
)
def test_what_is_no_good_picture_is_refused_and_not_kept(
    files: Files, data: bytes, code: str
) -> None:
    with pytest.raises(FileProblem) as refused:
        receive(files, data, "x.png")
    assert refused.value.code.startswith(code)
    assert names(files) == []


def test_a_picture_over_the_given_limit_is_refused_by_its_header(tmp_path: Path) -> None:
    path = put(tmp_path / "a.png", encoded(20, 20))
    with pytest.raises(FileProblem) as refused:
        measure(path, most_pixels=399)
    assert refused.value.code == "picture.size"
    assert (measure(path, most_pixels=400).width, check(path).height) == (20, 20)


def test_the_ending_follows_the_content(files: Files) -> None:
    assert receive(files, encoded(form="JPEG"), "evil.html") == "evil.jpg"
    assert receive(files, encoded(form="WEBP"), "picture.png") == "picture.webp"
    assert receive(files, encoded(form="JPEG"), "fine.jpeg") == "fine.jpeg"
    assert receive(files, encoded(), "") == "picture.png"


def test_the_same_content_is_kept_once_and_other_content_is_numbered(files: Files) -> None:
    assert receive(files, encoded(8, 8), "a.png") == "a.png"
    assert receive(files, encoded(8, 8), "a.png") == "a.png"
    assert receive(files, encoded(9, 9), "a.png") == "a (1).png"
    assert receive(files, encoded(9, 9), "a.png") == "a (1).png"
    assert receive(files, encoded(7, 7), "a.png", overwrite=True) == "a.png"
    assert names(files) == ["a (1).png", "a.png"]
    assert measure(files.path("input", "a.png")).width == 7


@pytest.mark.parametrize("name", ["../../x.png", "..\\x.png", "/etc/x.png", "C:\\x.png", "x\0.png"])
def test_an_upload_stays_in_its_folder_whatever_it_is_called(files: Files, name: str) -> None:
    assert receive(files, encoded(), name) in ("x.png", "x_.png")
    assert len(names(files)) == 1


def test_an_upload_does_not_write_through_a_link(files: Files, tmp_path: Path) -> None:
    victim = put(tmp_path / "victim.png", b"precious")
    files.place("input").mkdir()
    (files.place("input") / "a.png").symlink_to(victim)
    with pytest.raises(FileProblem):
        receive(files, encoded(), "a.png", overwrite=True)
    assert victim.read_bytes() == b"precious"


def test_a_turned_picture_is_measured_and_shrunk_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    Image.new("RGB", (40, 20)).save(path, exif=exif)
    assert (measure(path).width, measure(path).height) == (20, 40)
    with Image.open(io.BytesIO(small(path, 16))) as thumbnail:
        assert thumbnail.size == (8, 16)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16", "F"])
def test_every_kind_of_pixels_has_a_thumbnail(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode in ("CMYK", "F", "I") else "a.png")
    Image.new(mode, (100, 50)).save(path)
    with Image.open(io.BytesIO(small(path, 64))) as thumbnail:
        assert (thumbnail.size, thumbnail.format) == ((64, 32), "WEBP")


def test_sixteen_bit_grey_keeps_its_brightness(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("I;16", (64, 64), 0x8000).save(path)
    with Image.open(io.BytesIO(small(path, 64))) as thumbnail:
        levels = set(thumbnail.convert("L").tobytes())
    assert 120 <= min(levels) <= max(levels) <= 136


def test_a_mask_s_alpha_goes_on_the_picture_and_its_text_stays(
    files: Files, tmp_path: Path
) -> None:
    put(tmp_path / "input" / "a.png", encoded(8, 6, workflow='{"a": 1}'))
    mask = Image.new("RGBA", (8, 6), (0, 0, 0, 255))
    mask.putpixel((2, 3), (0, 0, 0, 0))
    part = part_for(files)
    mask.save(part, "PNG")
    stored = store_masked(files, part, "a.png", "masked.png")
    with Image.open(files.path("input", stored.name)) as made:
        made.load()
        assert made.getpixel((2, 3)) == (200, 30, 60, 0)
        assert made.getpixel((0, 0)) == (200, 30, 60, 255)
        assert made.text == {"workflow": '{"a": 1}'}  # type: ignore[attr-defined]
    assert names(files) == ["a.png", "masked.png"]


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    picture = put(tmp_path / "a.png", encoded(8, 6))
    mask = put(tmp_path / "m.png", encoded(4, 6, mode="RGBA"))
    with pytest.raises(FileProblem, match="4 × 6 pixels, the picture 8 × 6"):
        with_mask(picture, mask, tmp_path / "out.png")


def test_a_thumbnail_is_made_once_and_again_when_the_picture_changes(tmp_path: Path) -> None:
    source = put(tmp_path / "a.png", encoded(300, 200))

    async def ask() -> list[Path]:
        thumbnails = Thumbnails(tmp_path / "cache")
        try:
            first = await asyncio.gather(*(thumbnails.of(source, 100) for _ in range(5)))
            put(source, encoded(200, 300))
            return [*first, await thumbnails.of(source, 100), await thumbnails.of(source, 9999)]
        finally:
            thumbnails.close()

    made = asyncio.run(ask())
    assert len(set(made)) == 3
    assert [measure(path).width for path in made[4:]] == [128, 85, 200]


def test_the_oldest_thumbnails_go_first(tmp_path: Path) -> None:
    for number in range(4):
        put(tmp_path / f"{number}.webp", b"x" * 100)
    trim(tmp_path, 250)
    assert len(list(tmp_path.iterdir())) == 2
