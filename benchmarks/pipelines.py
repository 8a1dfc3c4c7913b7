"""Measure stages of a cascade beside the pipelines of diffusers for the same models.

Run by hand: `python -m benchmarks.pipelines [--side 96] [--steps 4] [--tile 128]`. Models are
those of the tests: the published layouts, narrow, with random weights. Time is the processor's own,
memory that of all tensors that stand at once beside weights; both as shares of what the pipeline
takes. A picture in one tile is the same work as the pipeline's; tiles bound the memory.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nodes.api import QUIET
from nodes.diffusion.cascades.super_resolution import load_upscaler_parts
from nodes.diffusion.memory.cost import Peak
from nodes.super_resolution import cascade_stage_diffusion
from nodes.types import CascadeStage, Cond, Conditioning, Image
from tests.nodes.diffusion import enlarging_models as models

SCALE, LEVEL = 3.0, 20
WHOLE = 8192


@dataclass(frozen=True)
class Case:
    """A pipeline, and our stage for the same model, by the side of its tiles."""

    name: str
    small: Tensor
    plain: Callable[[], Any]
    stage: Callable[[int], CascadeStage]


def text(width: int, seed: int) -> Cond:
    """Make a text of random tokens with a summary."""
    generator = torch.Generator().manual_seed(seed)
    return Cond(
        torch.randn(1, 77, width, generator=generator), torch.randn(1, 16, generator=generator)
    )


def cases(folder: Path, small: Tensor, steps: int) -> Iterator[Case]:
    """Make the cases for a small picture (1, 3, h, w) in [0, 1]."""

    # Attention to every pixel grows with the square of their number.
    pixels = small[..., :24, :24]

    def case(name: str, write: Any, pipeline: Any, words: int, level: int, **more: Any) -> Case:
        upscaler = load_upscaler_parts(write(folder / name), "float32").diffusion_upscaler
        positive, negative = text(words, 1), text(words, 2)
        texts = {
            "prompt_embeds": positive.embeds,
            "negative_prompt_embeds": negative.embeds,
            "guidance_scale": SCALE,
        }
        asked = {"num_inference_steps": steps, "output_type": "pt", **(texts if words else {})}
        if upscaler.kind == "latent":
            asked |= {"pooled_prompt_embeds": positive.pooled}
            asked |= {"negative_pooled_prompt_embeds": negative.pooled}
        plain = pipeline()

        def stage(tile: int) -> CascadeStage:
            return cascade_stage_diffusion(
                upscaler,
                Conditioning((positive,)),
                Conditioning((negative,)),
                steps=steps,
                cfg=SCALE,
                noise_level=level,
                tile_size=tile,
            )

        seen = small if upscaler.vae else pixels
        # Those of Stable Diffusion take pictures in [0, 1], the others in [-1, 1].
        image = seen if name.startswith("sd") else seen * 2 - 1
        return Case(name, seen, lambda: plain(image=image, **asked, **more), stage)

    sides = {"height": pixels.shape[-2] * 4, "width": pixels.shape[-1] * 4}
    yield case("sd-x4", models.write_x4_folder, models.x4_pipeline, 16, LEVEL, noise_level=LEVEL)
    yield case("sd-x2", models.write_x2_folder, models.x2_pipeline, 16, 0)
    yield case("ldm-x4", models.write_ldm_folder, models.ldm_pipeline, 0, 0)
    yield case(
        "if-x4",
        lambda path: models.write_if_folder(path, larger=True),
        lambda: models.if_pipeline(larger=True),
        32,
        LEVEL,
        noise_level=LEVEL,
        **sides,
    )


def measured(run: Callable[[], object]) -> tuple[float, int]:
    """Return seconds of the processor, the least of three runs, and the most bytes of tensors."""
    with Peak() as peak:
        run()
    seconds = math.inf
    for _ in range(3):
        start = time.process_time()
        run()
        seconds = min(seconds, time.process_time() - start)
    return seconds, peak.peak


def main() -> None:
    """Print a row for each pipeline."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipelines", description=__doc__)
    parser.add_argument(
        "--side", type=int, default=96, help="of the small picture, in pixels: a multiple of 32"
    )
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--tile", type=int, default=128, help="in pixels of the enlarged picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(1, 3, options.side, options.side, generator=generator)
    print("| Model | diffusers | Here, one tile | Here, tiles |")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder), small, options.steps):
            seconds, memory = measured(case.plain)
            row = f"| {case.name} | {seconds:.2f} s, {memory / 2**20:.0f} MiB |"
            for tile in (WHOLE, options.tile):
                run = case.stage(tile).run
                assert run is not None
                ours, most = measured(partial(run, image=Image(case.small), ctx=QUIET))
                row += f" {ours / seconds:.2f} of the time, {most / memory:.2f} of the memory |"
            print(row, flush=True)


if __name__ == "__main__":
    main()
