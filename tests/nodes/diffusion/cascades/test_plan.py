"""Plans of cascades: they reach the size, fit into memory, and say what they cost."""

from dataclasses import replace

import pytest

from nodes.diffusion.cascades.plan import planned, report, speed_of
from nodes.errors import NodeError
from nodes.types import CascadeStage, Cost, Image


def stage(scale: float, tile: int = 512) -> CascadeStage:
    """A stage that takes 100 bytes and 1,000 operations for each pixel of a tile."""

    def run(*, image: Image, ctx: object) -> Image:
        return image

    return CascadeStage(
        f"×{scale:g}",
        scale,
        run,
        tile=tile,
        overlap=32,
        tiled=lambda size: stage(scale, size),
        cost=lambda size: Cost(1000.0 * size**2, 100 * size**2),
    )


def test_stages_are_repeated_until_the_size_is_reached() -> None:
    plan = planned([stage(4), stage(1)], 128, 96, 8192, 2**30, 1e9)
    assert [one.stage.scale for one in plan] == [4, 1, 4, 1, 4, 1]
    assert (plan[-1].width, plan[-1].height) == (8192, 6144)


def test_tiles_are_as_large_as_memory_allows_and_never_larger_than_asked() -> None:
    def size(memory: int) -> int:
        return planned([stage(4)], 512, 512, 2048, memory, 1e9)[0].stage.tile

    assert size(10**9) == 512
    assert size(100 * 300**2) == 256
    assert size(100 * 130**2) == 128


def test_time_is_that_of_all_tiles() -> None:
    (one,) = planned([stage(4, tile=512)], 128, 128, 512, 2**30, 1e6)
    assert one.tiles == 1
    assert one.seconds == pytest.approx(1000 * 512**2 / 1e6)
    (many,) = planned([stage(4, tile=512)], 512, 512, 2048, 2**30, 1e6)
    assert many.tiles == 25
    assert many.seconds == pytest.approx(25 * 1000 * 512**2 / 1e6)


def test_what_cannot_be_reached_is_said() -> None:
    with pytest.raises(NodeError, match="None of these stages"):
        planned([stage(1)], 128, 128, 512, 2**30, 1e9)
    with pytest.raises(NodeError, match=r"tile of 64 pixels, and 1 MiB"):
        planned([replace(stage(4), cost=lambda size: Cost(1, 2**30))], 128, 128, 512, 1, 1e9)
    with pytest.raises(NodeError, match="More than 12"):
        planned([stage(1.01)], 128, 128, 65_536, 2**30, 1e9)


def test_the_report_has_a_line_for_each_stage_and_one_for_all() -> None:
    bare = replace(stage(2), cost=None, tiled=None)
    text = report(planned([stage(4), bare], 128, 128, 1024, 2**30, 1e6))
    assert text.splitlines() == [
        "1. ×4: 512 × 512, 25 MiB, about 4 min",
        "2. ×2: 1024 × 1024",
        "All: about 4 min, at most 25 MiB beside the models.",
    ]


def test_a_device_does_some_millions_of_operations_a_second() -> None:
    assert speed_of("cpu", "float32") > 1e7
