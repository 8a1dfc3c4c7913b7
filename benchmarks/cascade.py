"""Measure a tiled cascade to a large size: memory above the models, seams, time.

Run by hand: `python -m benchmarks.cascade [--side 8192] [--tile 512] [--memory 0.5]`. A drawn
picture of 128 pixels is enlarged by the miniature's network, stage after stage, and written as PNG,
as the nodes do it. The limit on anonymous memory above the models is 1.5 GiB at 8192 pixels a side;
seam energy is the mean step across the borders of tiles over the step there without tiles, measured
on a corner; a ratio below 1.05 cannot be seen.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from nodes.api import QUIET
from nodes.cascade import cascade_plan
from nodes.diffusion.cascades.upscaler_file import load_upscaler
from nodes.imaging.picture_files import write_png
from nodes.imaging.tiles import tiles
from nodes.types import CascadeStage, Image
from nodes.upscale import cascade_stage_model
from training.pictures import draw, pixels, training_picture

MODEL = Path("models/upscale_models/weft-mini-x4.safetensors")
LIMIT_BYTES = 1.5 * 2**30
# Side of the corner, in pixels of what is enlarged, that seams are measured on.
CORNER = 256


def anonymous_bytes() -> int:
    """Return the memory of this process that is not the content of some file."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise OSError("This system does not tell the anonymous memory of a process.")


class Peak:
    """The most anonymous memory above what there was at the start."""

    def __init__(self) -> None:
        self.start = anonymous_bytes()
        self.bytes = 0

    def look(self) -> None:
        """Look once."""
        self.bytes = max(self.bytes, anonymous_bytes() - self.start)


@contextmanager
def watched() -> Iterator[Peak]:
    """Look at the memory ten times a second while the context lasts."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peak.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def seam_ratio(source: Image, stage: CascadeStage) -> float:
    """Return the mean step across the borders of tiles over the step there without tiles.

    Args:
        source: What the stage is given; its corner is enlarged in tiles, and as a whole.
        stage: Takes tiles, and can take larger ones.
    """
    assert stage.run is not None
    assert stage.tiled is not None
    corner = Image(source.pixels[..., :CORNER, :CORNER])
    side = round(corner.pixels.shape[-1] * stage.scale)
    undivided = stage.tiled(side).run
    assert undivided is not None
    places = tiles(side, side, stage.tile, min(stage.overlap, stage.tile // 2))
    edges = sorted({edge for p in places for edge in (p.top, p.bottom)} - {0, side})
    if not edges:
        return 1.0
    tiled, whole = (run(image=corner, ctx=QUIET).pixels for run in (stage.run, undivided))
    steps = [
        sum(float(plane[..., [e - 1, e], :].diff(dim=-2).abs().mean()) for e in edges)
        for plane in (tiled, whole)
    ]
    return steps[0] / steps[1]


def main() -> None:
    """Run the cascade and print a row for each stage and one for the whole."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cascade", description=__doc__)
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--tile", type=int, default=512)
    parser.add_argument("--memory", type=float, default=0.5, help="of a tile's work, in GiB")
    options = parser.parse_args()
    drawn = draw(training_picture("scene", np.random.default_rng(0)))
    image = Image(torch.from_numpy(pixels([drawn])).float() / 255)
    stage = cascade_stage_model(load_upscaler(MODEL, "float32"), options.tile)
    plan = cascade_plan([stage], 128, 128, options.side, options.memory)
    print(plan.report)
    print("| Stage | Pixels | Seconds | Anonymous memory |")
    tiled: list[tuple[Image, CascadeStage]] = []
    with watched() as peak:
        for part in plan.cascade.parts:
            started = time.monotonic()
            assert part.run is not None
            source, image = image, part.run(image=image, ctx=QUIET)
            took = time.monotonic() - started
            side = image.pixels.shape[-1]
            most = f"{peak.bytes / 2**20:.0f} MiB"
            tiled += [(source, part)] if part.tile else []
            print(f"| {part.title} | {side}² | {took:.1f} | {most} |")
        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            write_png(Path(folder) / "made.png", image.pixels[0], {})
            print(f"| PNG | | {time.monotonic() - started:.1f} | {peak.bytes / 2**20:.0f} MiB |")
    # Only now, since what is done as a whole takes more memory.
    print(f"Seams: at most {max(seam_ratio(*one) for one in tiled):.3f} of what was there.")
    print(f"Anonymous memory: {peak.bytes / LIMIT_BYTES:.2f} of the limit.")


if __name__ == "__main__":
    main()
