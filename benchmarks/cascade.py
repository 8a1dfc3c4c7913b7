"""Measure a tiled cascade to a large size: memory above the models, seams, time, and going on.

Run by hand: `python -m benchmarks.cascade [--side 8192] [--memory 0.5] [--threads 1]`. It runs the
template that enlarges in tiles by a worker of its own, kills the worker in the middle of the last
stage, and lets it go on: sources of nodes must stay as they are meanwhile, since tiles of others do
not count. The limit on anonymous memory above the models is 1.5 GiB at 8192 pixels a
side. Seam energy is the mean step across the borders of tiles over the step there without tiles,
measured on a corner; a ratio below 1.05 cannot be seen.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks.reliability import ROOT, children
from nodes.api import QUIET
from nodes.cascade import Plan, cascade_plan
from nodes.diffusion.cascades.upscaler_file import load_upscaler
from nodes.imaging.tiles import tiles
from nodes.types import CascadeStage, Image
from nodes.upscale import cascade_stage_model
from training.pictures import draw, pixels, training_picture

WORKFLOW = ROOT / "workflows" / "upscale_tiled_8k.json"
MODEL = ROOT / "models" / "upscale_models" / "weft-mini-x4.safetensors"
# What the template starts from, and the side of its tiles.
START, TILE = 128, 512
LIMIT_BYTES = 1.5 * 2**30
# Side of the corner, in pixels of what is enlarged, that seams are measured on.
CORNER = 256
LOOKS_A_SECOND = 10


def anonymous_bytes(process: int) -> int:
    """Return the memory of a process that is not the content of some file; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    told = [int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")]
    return told[0] if told else 0


@dataclass
class Run:
    """What is seen of a run from outside.

    Attributes:
        work: Where its worker keeps unfinished work.
        total: Tiles of the last stage.
        stages: When each stage began, and the last one ended; the one that was broken off twice.
        above: The most memory above what a worker had when it began with the cascade.
        killed: Tiles that were there when the worker was killed, and when they had been made.
        again: Names of those that were made again, be it in another place.
    """

    work: Path
    total: int
    stages: list[float] = field(default_factory=list)
    above: int = 0
    killed: dict[Path, int] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    _start: dict[int, int] = field(default_factory=dict)
    _before: int = 0

    def look(self, worker: int) -> None:
        """Look at the worker's memory once, and at what it has finished."""
        if len(self.stages) == self._before:
            return
        now = anonymous_bytes(worker)
        self.above = max(self.above, now - self._start.setdefault(worker, now))
        made = self._tiles()
        if not self.killed and 2 * len(made) >= self.total:
            self.killed, self._before = made, len(self.stages)
            os.kill(worker, signal.SIGKILL)
        before = {path.name for path in self.killed}
        new = {path.name for path, at in made.items() if self.killed.get(path) != at}
        self.again |= new & before

    def _tiles(self) -> dict[Path, int]:
        """Give the finished tiles of the stage that runs."""
        found: dict[Path, int] = {}
        for path in self.work.rglob("*-*-*-*-*"):
            if path.suffix != ".part":
                try:
                    found[path] = path.stat().st_mtime_ns
                except FileNotFoundError:
                    return {}
        return found


def run_template(plan: Plan, options: argparse.Namespace) -> Run:
    """Run the template in a process of its own, and kill its worker once."""
    last = [part for part in plan.cascade.parts if part.tile][-1]
    total = len(tiles(options.side, options.side, last.tile, min(last.overlap, last.tile // 2)))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "cache" / "work", total)
        flags = [
            *("--data-dir", folder, "--out", str(Path(folder) / "made")),
            *("--threads", str(options.threads)),
            *(
                "--set",
                f"plan.longest_side={options.side}",
                "--set",
                f"plan.memory={options.memory}",
            ),
        ]
        command = [sys.executable, "-m", "server", "run", str(WORKFLOW), *flags]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
            threading.Thread(target=listen, args=(process, run), daemon=True).start()
            while process.poll() is None:
                for worker in children(process.pid):
                    run.look(worker)
                time.sleep(1 / LOOKS_A_SECOND)
        if process.returncode:
            raise SystemExit(process.returncode)
    return run


def listen(process: "subprocess.Popen[str]", run: Run) -> None:
    """Note when stages of the cascade begin; what comes after it ends the last one."""
    assert process.stderr is not None
    for line in process.stderr:
        node = line.split()[-1]
        if node == "cascade" or (run.stages and node == "save"):
            run.stages.append(time.monotonic())


def seam_ratio(source: Image, stage: CascadeStage) -> float:
    """Return the mean step across the borders of tiles over the step there without tiles.

    Args:
        source: What the stage is given; its corner is enlarged in tiles, and as a whole.
        stage: Takes tiles, and can take larger ones.
    """
    assert stage.run is not None
    assert stage.tiled is not None
    corner = corner_of(source)
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


def corner_of(image: Image) -> Image:
    """Cut out the corner that seams are measured on."""
    return Image(image.pixels[..., :CORNER, :CORNER])


def seams(plan: Plan) -> float:
    """Return the worst seam ratio of a plan's stages, on a drawn scene."""
    drawn = draw(training_picture("scene", np.random.default_rng(0)))
    image, worst = Image(torch.from_numpy(pixels([drawn])).float() / 255), 0.0
    for part in plan.cascade.parts:
        assert part.run is not None
        if part.tile:
            worst = max(worst, seam_ratio(image, part))
        image = part.run(image=corner_of(image), ctx=QUIET)
    return worst


def main() -> None:
    """Say what is planned, run it, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cascade", description=__doc__)
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--memory", type=float, default=0.5, help="of a tile's work, in GiB")
    parser.add_argument("--threads", type=int, default=1, help="of the worker")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    stage = cascade_stage_model(load_upscaler(MODEL, "float32"), TILE)
    plan = cascade_plan([stage], START, START, options.side, options.memory)
    print(plan.report, flush=True)
    run = run_template(plan, options)
    took = run.stages[-1] - run.stages[0]
    print(f"The cascade: {took:.0f} s, the lost worker included.")
    print(f"Killed with {len(run.killed)} of {run.total} tiles; made again: {len(run.again)}.")
    share = run.above / LIMIT_BYTES
    print(f"Anonymous memory: {run.above / 2**20:.0f} MiB, {share:.2f} of the limit.")
    print(f"Seams: at most {seams(plan):.3f} of what was there.")


if __name__ == "__main__":
    main()
