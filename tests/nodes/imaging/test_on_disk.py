"""Planes on disk and finished tiles: what is there stays there, and memory stays small."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nodes.imaging import on_disk
from nodes.imaging.on_disk import TiledWork, TileStore, plane
from nodes.imaging.tiles import Piece, Tile, tiles


def test_a_large_plane_is_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "SMALL_BYTES", 100)
    small, large = plane((1, 1, 5, 5), tmp_path / "small"), plane((1, 3, 8, 8), tmp_path / "large")
    assert not (tmp_path / "small").exists()
    assert torch.equal(large, torch.zeros(1, 3, 8, 8))
    large[0, 1, 2, 3] = 7.5
    raw = torch.frombuffer(bytearray((tmp_path / "large").read_bytes()), dtype=torch.float32)
    assert torch.equal(raw.reshape(large.shape), large)
    assert small.shape == (1, 1, 5, 5)
    (tmp_path / "large").unlink()
    assert large[0, 1, 2, 3] == 7.5


class Maker:
    """Makes tiles of a picture in two steps, and breaks down after some."""

    def __init__(self, picture: Tensor, last: int = 1000) -> None:
        self.picture = picture
        self.left = last
        self.made: list[Tile] = []

    def __call__(self, index: int, tile: Tile) -> Iterator[Tensor | None]:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        yield None
        yield None
        self.made.append(tile)
        yield tile.of(self.picture[index : index + 1])


def test_tiles_that_were_finished_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_disk, "SMALL_BYTES", 100)
    picture = torch.rand(2, 3, 20, 30)
    places = tiles(20, 30, 12, 4)
    broken, second = Maker(picture, last=4), Maker(picture)
    steps: list[int] = []

    def counted(made: Iterator[Piece | None], total: int) -> Iterator[Piece | None]:
        for step in made:
            steps.append(total)
            yield step

    with pytest.raises(KeyboardInterrupt):
        TiledWork((2, 3, 20, 30), places, 4, 2, broken).run(counted, lambda: tmp_path)
    steps.clear()
    made = TiledWork((2, 3, 20, 30), places, 4, 2, second).run(counted, lambda: tmp_path)
    assert len(broken.made) == 4
    assert len(second.made) == 2 * len(places) - 4
    assert steps == [2 * len(places) * 3] * (2 * len(places) * 3)
    assert torch.allclose(made, picture, atol=1e-6)


def test_one_tile_is_the_whole_and_needs_no_folder() -> None:
    picture = torch.rand(2, 3, 20, 30)
    work = TiledWork((2, 3, 20, 30), tiles(20, 30, 32, 4), 4, 2, Maker(picture))

    def no_folder() -> Path:
        raise AssertionError("nobody asked for one")

    assert torch.equal(work.run(lambda steps, total: steps, no_folder), picture)


def test_half_a_tile_counts_as_none(tmp_path: Path) -> None:
    store = TileStore(tmp_path)
    (tmp_path / "0-0.part").write_bytes(b"half")
    assert not store.has("0-0")
    store.put("0-0", torch.ones(1, 1, 2, 2))
    assert store.has("0-0")
    assert torch.equal(store.get("0-0"), torch.ones(1, 1, 2, 2))


def anonymous_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells anonymous memory")
def test_memory_does_not_grow_with_the_plane(tmp_path: Path) -> None:
    side = 4096
    start = anonymous_bytes()
    seen: list[int] = []

    def make(index: int, tile: Tile) -> Iterator[Tensor | None]:
        seen.append(anonymous_bytes() - start)
        yield torch.full((1, 3, tile.bottom - tile.top, tile.right - tile.left), 0.5)

    work = TiledWork((1, 3, side, side), tiles(side, side, 512, 32), 32, 0, make)
    made = work.run(lambda steps, total: steps, lambda: tmp_path)
    seen.append(anonymous_bytes() - start)
    assert torch.allclose(made[..., ::97, ::89], torch.tensor(0.5))
    assert made.nbytes == 192 * 2**20
    assert max(seen) < 50 * 2**20
