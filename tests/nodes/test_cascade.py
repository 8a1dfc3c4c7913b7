"""Cascades: stages on real small networks, tiles that make no difference, and what is known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch

from nodes import cascade, refine, super_resolution, upscale
from nodes.api import QUIET, Cancelled, Context, catalogue_of, node
from nodes.control import control_net_apply_advanced
from nodes.diffusion.cascades.noise_field import noise_at
from nodes.diffusion.cascades.super_resolution import load_diffusion_upscaler
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.sampling import Sampling
from nodes.diffusion.schedules import sigmas_for
from nodes.errors import NodeError
from nodes.image import empty_image
from nodes.imaging.picture_files import read_picture
from nodes.imaging.resize import resize
from nodes.imaging.tiles import Piece, Tile, blended, tiles
from nodes.latent import empty_latent_image
from nodes.text import clip_text_encode
from nodes.types import (
    CascadeStage,
    DiffusionUpscaler,
    Guider,
    Image,
    Latent,
    LatentFormat,
    Noise,
    Sampler,
    Vae,
)
from nodes.vae import vae_decode, vae_decode_tiled, vae_encode
from server.engine.graph import Graph
from tests.engine import toys
from tests.nodes.diffusion.adapters.test_control import tiny_control
from tests.nodes.diffusion.tiny_models import tiny_parts, write_tiny
from tests.nodes.diffusion.tiny_sampling import Told, prompt, tiny_model
from tests.nodes.diffusion.tiny_upscaler import write_tiny_upscaler
from tests.nodes.test_upscale import small as small_network

TEXTS = (prompt(1), prompt(2))
ROOT = Path(__file__).parents[2]
SCENE = ROOT / "workflows" / "inputs" / "weft-example.png"
MINIATURE = ROOT / "models" / "checkpoints" / "weft-mini.safetensors"


def picture(height: int, width: int, batch: int = 1) -> Image:
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(batch, 3, 5, 7, generator=generator)
    pixels = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return Image(pixels.clamp(0, 1))


def scene() -> Image:
    """Give a drawn picture of 256 pixels a side."""
    drawn, _ = read_picture(SCENE)
    return Image(resize(drawn, 256, 256, "bicubic").clamp(0, 1))


def run(stage: CascadeStage, image: Image, ctx: Context = QUIET) -> torch.Tensor:
    made = cascade.run_cascade_stage(stage, image, ctx=ctx)
    assert isinstance(made, Image)
    return made.pixels


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> DiffusionUpscaler:
    path = tmp_path_factory.mktemp("upscaler") / "a.safetensors"
    return load_diffusion_upscaler(write_tiny_upscaler(path), "float32")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_checkpoint(write_tiny(tmp_path_factory.mktemp("c") / "a.safetensors"), "float32")


@pytest.fixture(scope="module")
def miniature() -> Any:
    """Give a model whose VAE is trained: the statistics of a random one are like no other's."""
    return load_checkpoint(MINIATURE, "float32")


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


def test_enlarged_tiles_come_near_to_the_whole_and_keep_the_grain(
    upscaler: DiffusionUpscaler,
) -> None:
    image = picture(96, 128)
    whole = run(enlarged(upscaler, tile_size=512), image)
    other_grain = run(enlarged(upscaler, tile_size=512, seed=2), image)
    tiled = run(enlarged(upscaler), image)
    assert tiled.shape == whole.shape
    # Normalisation sees a tile where it saw the whole: that is the most of what is left.
    assert (tiled - whole).abs().mean() < 0.6 * (other_grain - whole).abs().mean()


def test_refined_tiles_come_near_to_the_whole_and_keep_the_grain(miniature: Any) -> None:
    text = clip_text_encode("", miniature.clip)

    def made(**widgets: Any) -> torch.Tensor:
        given: dict[str, Any] = {"seed": 1, "steps": 2, "cfg": 1.0, "denoise": 0.4} | widgets
        stage = refine.cascade_stage_refine(
            miniature.model, miniature.vae, text, text, **{"overlap": 32} | given
        )
        return run(stage, scene())

    whole = made(tile_size=512)
    tiled, other_grain = (made(tile_size=128, seed=seed) for seed in (1, 2))
    assert (tiled - whole).abs().mean() < 0.8 * (other_grain - whole).abs().mean()


def test_tiles_have_the_contrast_and_colour_of_the_whole(miniature: Any) -> None:
    pixels = scene().pixels.clone()
    # Tiles alone would stretch the contrast of what is nearly even.
    pixels[..., 128:] = 0.9 + 0.05 * pixels[..., 128:]

    def through_the_vae(pixels: torch.Tensor, size: int) -> torch.Tensor:
        stage = refined(miniature, denoise=0.0, colours="none", tile_size=size, overlap=32)
        return run(stage, Image(pixels))

    whole, tiled = (through_the_vae(pixels, size) for size in (512, 128))
    places = [cell.scaled(8) for cell in tiles(32, 32, 16, 4)]
    alone = [Piece(0, place, through_the_vae(place.of(pixels), 128)) for place in places]
    apart = blended(alone, tuple(whole.shape), 32)
    assert (tiled - whole).abs().mean() < 0.6 * (apart - whole).abs().mean()


def encoded(parts: Any, image: Image) -> Latent:
    return vae_encode(image, parts.vae)


def test_a_latent_is_refined_as_it_is(parts: Any) -> None:
    image = picture(64, 96)
    latent = encoded(parts, image)
    for size in (256, 64):
        stage = refined(parts, tile_size=size, colours="none")
        made = cascade.run_cascade_stage(stage, latent=latent)
        assert isinstance(made, Image)
        if size == 256:
            assert torch.allclose(made.pixels, run(stage, image), atol=1e-5)
        assert made.pixels.shape == image.pixels.shape
    nothing_redone = refined(parts, denoise=0.0, tile_size=256)
    made = cascade.run_cascade_stage(nothing_redone, latent=latent)
    assert isinstance(made, Image)
    assert torch.allclose(made.pixels, vae_decode(latent, parts.vae).pixels, atol=1e-5)


def test_a_controlnet_for_tiles_sees_the_part_of_its_tile(parts: Any) -> None:
    image = picture(96, 128)

    def stage(size: int, texts: Any) -> CascadeStage:
        given: dict[str, Any] = {"seed": 1, "steps": 2, "cfg": 2.0, "denoise": 0.4}
        sizes = {"tile_size": size, "overlap": 16}
        return refine.cascade_stage_refine(parts.model, parts.vae, *texts, **given | sizes)

    def made(size: int, strength: float, hint: Image) -> torch.Tensor:
        pair = control_net_apply_advanced(*TEXTS, tiny_control(), hint, strength=strength)
        return run(stage(size, (pair.positive, pair.negative)), image)

    corner = (slice(None), slice(None), slice(0, 40), slice(0, 40))
    changed = Image(image.pixels.clone())
    # Beyond what any tile over the corner sees.
    changed.pixels[..., 48:, 100:] = 0
    plain, steered, other = made(64, 0.0, image), made(64, 1.0, image), made(64, 1.0, changed)
    assert not torch.allclose(plain[corner], steered[corner], atol=1e-2)
    # Normalisations see the whole, and the ControlNet its tile alone.
    near, far = ((steered - other).abs()[..., s, s].mean() for s in (slice(40), slice(64, None)))
    assert near < 0.1 * far


def test_hires_fix_is_a_stage_that_enlarges_and_one_that_refines(parts: Any) -> None:
    image = picture(48, 64)
    larger = run(cascade.cascade_stage_resize(2), image)
    stage = refined(parts, tile_size=256, colours="none")
    noise = noise_at(Tile(0, 12, 0, 16), 4, 1)
    start = parts.vae.network.encode(larger * 2 - 1).latent_dist.mode()
    sigmas = sigmas_for(parts.model.sampling, "normal", 2, 0.4)
    guider = Guider(parts.model, "cfg", TEXTS, {"scale": 2.0})
    scaled = Latent(start * parts.vae.latent_format.scaling_factor)
    sampling = Sampling(guider, Sampler("euler"), sigmas, Noise(1), scaled, drawn=noise)
    *_, last = sampling.steps()
    expected = vae_decode(sampling.latent_of(last.x, 0.0), parts.vae).pixels
    assert torch.allclose(run(stage, Image(larger)), expected, atol=1e-5)


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


NODES = (
    cascade.upscale_cascade,
    cascade.run_cascade_stage,
    cascade.each_image,
    cascade.cascade_stage_resize,
    cascade.cascade_plan,
    empty_image,
    toys.save,
)
CATALOGUE = catalogue_of(*NODES)


class Tiny(NamedTuple):
    """What a test starts with."""

    vae: Vae
    stage: CascadeStage


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


@node("Tiny")
def tiny() -> Tiny:
    """Give a small VAE, and a stage with it and a small model.

    Returns:
        vae: The VAE.
        stage: Redoes nothing.
    """
    vae = Vae(tiny_parts().vae, LatentFormat(4, 0.5), "float32", "tiny")
    found = SimpleNamespace(vae=vae, model=tiny_model())
    return Tiny(vae, refined(found, denoise=0.0, tile_size=256))


@pytest.mark.parametrize("first", ["CascadeStageResize", "Tiny"])
def test_a_cascade_starts_from_a_latent(first: str) -> None:
    bench = toys.Bench(catalogue=catalogue_of(*NODES, tiny, empty_latent_image, vae_decode_tiled))
    stages = ["@s.cascade_stage", "@s.cascade_stage"]
    nodes: dict[str, Any] = {
        "start": ("EmptyLatentImage", {"width": 32, "height": 64}),
        "tiny": ("Tiny", {}),
        "s": ("CascadeStageResize", {"scale": 2}),
        "all": ("UpscaleCascade", {"latent": "@start.latent", "stages": stages}),
        "save": ("Save", {"value": "@all.image"}),
    }
    if first == "Tiny":
        stages[0] = "@tiny.stage"
    else:
        assert bench.run(toys.graph(nodes)).state == "failed"
        assert any("Wire `vae`" in str(event.data) for event in bench.events)
        nodes["all"][1]["vae"] = "@tiny.vae"
    assert bench.run(toys.graph(nodes)).state == "succeeded"
    told = [event.data["shapes"] for event in bench.events if "shapes" in event.data]
    factor = 2 if first == "Tiny" else 4
    assert told[-1]["image"] == f"1×3×{64 * factor}×{32 * factor}"


def test_a_cascade_without_a_start_or_with_two_is_told() -> None:
    stages = [cascade.cascade_stage_resize(2)]
    latent = Latent(torch.zeros(1, 4, 8, 8))
    both: dict[str, Any] = {"image": picture(8, 8), "latent": latent}
    for given in ({}, both):
        with pytest.raises(NodeError, match="picture or from a latent"):
            cascade.upscale_cascade(stages, **given)
        with pytest.raises(NodeError, match="picture or from a latent"):
            cascade.run_cascade_stage(stages[0], **given)


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
    for kind in ("UpscaleCascade", "RunCascadeStage"):
        wired = "@plan.cascade" if kind == "RunCascadeStage" else ["@plan.cascade"]
        name = "stage" if kind == "RunCascadeStage" else "stages"
        run = {"run": (kind, {"image": "@image.image", name: wired})}
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
