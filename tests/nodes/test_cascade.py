"""Cascades: stages on real small networks, tiles that make no difference, and what is known."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nodes import cascade, refine, super_resolution, upscale
from nodes.api import QUIET, Cancelled, Context, catalogue_of
from nodes.diffusion.checkpoint import load_checkpoint
from nodes.diffusion.super_resolution import load_diffusion_upscaler
from nodes.errors import NodeError
from nodes.image import empty_image
from nodes.types import CascadeStage, DiffusionUpscaler, Image
from server.engine.graph import Graph
from tests.engine import toys
from tests.nodes.diffusion.tiny_models import write_tiny
from tests.nodes.diffusion.tiny_sampling import Told, prompt
from tests.nodes.diffusion.tiny_upscaler import write_tiny_upscaler
from tests.nodes.test_upscale import small as small_network

TEXTS = (prompt(1), prompt(2))


def picture(height: int, width: int, batch: int = 1) -> Image:
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(batch, 3, 5, 7, generator=generator)
    pixels = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return Image(pixels.clamp(0, 1))


def run(stage: CascadeStage, image: Image, ctx: Context = QUIET) -> torch.Tensor:
    made = cascade.run_cascade_stage(image, stage, ctx=ctx)
    assert isinstance(made, Image)
    return made.pixels


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> DiffusionUpscaler:
    path = tmp_path_factory.mktemp("upscaler") / "a.safetensors"
    return load_diffusion_upscaler(write_tiny_upscaler(path), "float32")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_checkpoint(write_tiny(tmp_path_factory.mktemp("c") / "a.safetensors"), "float32")


def refined(parts: Any, **widgets: Any) -> CascadeStage:
    given = {"seed": 1, "steps": 2, "cfg": 2.0, "denoise": 0.4, "tile_size": 64, "overlap": 16}
    return refine.cascade_stage_refine(parts.model, parts.vae, *TEXTS, **given | widgets)


def enlarged(upscaler: DiffusionUpscaler, **widgets: Any) -> CascadeStage:
    given = {"seed": 1, "steps": 2, "tile_size": 64, "overlap": 16}
    return super_resolution.cascade_stage_diffusion(upscaler, **given | widgets)


def test_a_tile_as_large_as_the_picture_gives_what_no_tiles_give(
    parts: Any, upscaler: DiffusionUpscaler
) -> None:
    image = picture(96, 128)
    for make, given in ((refined, parts), (enlarged, upscaler)):
        exact = make(given, tile_size=256)
        assert torch.equal(run(exact, image), run(make(given, tile_size=4096), image))


def test_tiles_come_near_to_the_whole_and_keep_the_grain(
    parts: Any, upscaler: DiffusionUpscaler
) -> None:
    image = picture(96, 128)
    for make, given in ((refined, parts), (enlarged, upscaler)):
        whole = run(make(given, tile_size=512), image)
        other_grain = run(make(given, tile_size=512, seed=2), image)
        tiled = run(make(given), image)
        assert tiled.shape == whole.shape
        # Normalisation sees a tile where it saw the whole: that is the most of what is left.
        assert (tiled - whole).abs().mean() < 0.6 * (other_grain - whole).abs().mean()


def test_sides_that_the_vae_cannot_halve_come_out_as_they_were(parts: Any) -> None:
    made = run(refined(parts), picture(61, 83))
    assert made.shape == (1, 3, 61, 83)


def test_nothing_redone_is_the_picture_through_the_vae(parts: Any) -> None:
    image = picture(64, 64)
    made = run(refined(parts, denoise=0.0, colours="none"), image)
    latent = parts.vae.network.encode(image.pixels * 2 - 1).latent_dist.mode()
    decoded = (parts.vae.network.decode(latent).sample / 2 + 0.5).clamp(0, 1)
    assert torch.allclose(made, decoded, atol=1e-4)


def test_progress_counts_every_step_of_every_tile(upscaler: DiffusionUpscaler) -> None:
    told = Told()
    run(enlarged(upscaler), picture(48, 64), told)
    total = told.tracked[0][1]
    assert total is not None
    assert total == len(told.tracked)
    assert total % 3 == 0


def test_more_noise_than_was_trained_on_is_refused(upscaler: DiffusionUpscaler) -> None:
    with pytest.raises(NodeError, match="up to 100"):
        enlarged(upscaler, noise_level=101)


def test_noise_on_the_small_picture_changes_what_is_made(upscaler: DiffusionUpscaler) -> None:
    image = picture(32, 32)
    assert not torch.equal(
        run(enlarged(upscaler), image), run(enlarged(upscaler, noise_level=100), image)
    )


def test_a_stage_that_was_broken_off_goes_on(tmp_path: Path, upscaler: DiffusionUpscaler) -> None:
    class Breaking(Told):
        """Cancels after some steps; its workspace stays."""

        def workspace(self) -> Path:
            return tmp_path

    image, stage = picture(64, 64), enlarged(upscaler)
    with pytest.raises(Cancelled):
        run(stage, image, Breaking(cancel_after=7))
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert len(kept) == 2
    times = {name: (tmp_path / name).stat().st_mtime_ns for name in kept}
    again = run(stage, image, Breaking())
    assert torch.equal(again, run(stage, image))
    assert all((tmp_path / name).stat().st_mtime_ns == time for name, time in times.items())


CATALOGUE = catalogue_of(
    cascade.upscale_cascade,
    cascade.run_cascade_stage,
    cascade.each_image,
    cascade.cascade_stage_resize,
    cascade.cascade_plan,
    empty_image,
    toys.save,
)


def resizing(*scales: float) -> Graph:
    """A cascade of stages that resize, with its last picture and each of them saved."""
    stages = {f"s{n}": ("CascadeStageResize", {"scale": scale}) for n, scale in enumerate(scales)}
    wired = [f"@s{n}.cascade_stage" for n in range(len(scales))]
    return toys.graph(
        {
            "image": ("EmptyImage", {"width": 12, "height": 8}),
            **stages,
            "all": ("UpscaleCascade", {"image": "@image.image", "stages": wired}),
            "save": ("Save", {"value": "@all.image"}),
            "each": ("Save", {"value": "@all.stages", "prefix": "each"}),
        }
    )


def test_a_cascade_runs_its_stages_in_order_and_shows_each() -> None:
    bench = toys.Bench(catalogue=CATALOGUE)
    assert bench.run(resizing(2, 1.5)).state == "succeeded"
    told = [event.data for event in bench.events if event.node == "all"]
    shapes = [data["shapes"] for data in told if "shapes" in data]
    assert {"image": "1×3×24×36", "stages": "2 of 1×3×16×24"} in shapes
    assert sum(name.startswith("each") for name in bench.saved()) == 2


def test_only_what_comes_after_a_changed_stage_runs_again() -> None:
    bench = toys.Bench(catalogue=CATALOGUE)

    def stages_run() -> set[str]:
        finished = (event for event in bench.events if event.type == "node.finished")
        inner = (event.data.get("inner", "").partition(".")[2] for event in finished)
        return {name for name in inner if name.startswith("stage")}

    bench.run(resizing(2, 1.5, 2))
    assert stages_run() == {"stage_1", "stage_2", "stage_3"}
    bench.run(resizing(2, 1.5, 3))
    assert stages_run() == {"stage_3"}


def test_a_plan_is_a_stage_that_stands_for_several() -> None:
    bench = toys.Bench(catalogue=CATALOGUE)
    planned = {
        "image": ("EmptyImage", {"width": 12, "height": 8}),
        "s": ("CascadeStageResize", {"scale": 2}),
        "plan": (
            "CascadePlan",
            {"stages": ["@s.cascade_stage"], "width": 12, "height": 8, "longest_side": 36},
        ),
        "say": ("Save", {"value": "@plan.report", "prefix": "report"}),
    }
    for node in ("UpscaleCascade", "RunCascadeStage"):
        wired = "@plan.cascade" if node == "RunCascadeStage" else ["@plan.cascade"]
        name = "stage" if node == "RunCascadeStage" else "stages"
        run = {"run": (node, {"image": "@image.image", name: wired})}
        bench.run(toys.graph({**planned, **run, "save": ("Save", {"value": "@run.image"})}))
        shapes = (e.data["shapes"] for e in bench.events if "shapes" in e.data and e.node == "run")
        told = [shape["image"] for shape in shapes]
        assert told[-1] == "1×3×24×36"
    assert any("resize ×0.75: 36 × 24" in name for name in bench.saved())


def test_an_upscale_model_is_a_stage() -> None:
    stage = upscale.cascade_stage_model(small_network())
    image = picture(20, 30)
    assert stage.scale == 4
    plain = upscale.image_upscale_with_model(small_network(), image).pixels
    assert torch.equal(run(stage, image), plain)
