"""The parts of the command line that train, export and judge the miniature's companions."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from nodes.diffusion.cascades.upscaler_file import load_upscaler
from training import control, latents, pixel_base, super_resolution, unet, upscaler
from training.export import (
    export,
    export_control,
    export_pixel_base,
    export_super_resolution,
    export_upscaler,
    load,
    load_control,
    load_pixel_base,
    load_super_resolution,
)
from training.judge_edges import measure_edges, steered_grid
from training.judge_enlarged import Enlarge, measure_enlarged
from training.networks import placed
from training.reductions import LIKE_DRAWN, WAYS
from training.run import Plan
from training.sample import Steering, draw_captions
from training.score import grid, measure
from training.super_resolution import SCALE

PLANS = {
    "further": Plan(images=110_000, batch=64, rate=5e-4, cooldown=0.6),
    "control": Plan(images=40_000, batch=16, rate=5e-4, warm_up=100, cooldown=0.6),
    "upscaler": Plan(images=36_000, batch=16, rate=1e-3, warm_up=50, cooldown=0.6),
    "super-resolution": Plan(images=72_000, batch=16, rate=1e-3, warm_up=100, cooldown=0.6),
    "pixel-base": Plan(images=150_000, batch=32, rate=6e-4, warm_up=100, cooldown=0.6),
}
MODELS = Path("models")
FILES = {
    "control": MODELS / "controlnet" / "weft-mini-edges.safetensors",
    "pixel-base": MODELS / "checkpoints" / "weft-pixel.safetensors",
    "upscaler": MODELS / "upscale_models" / "weft-mini-x4.safetensors",
    "super-resolution": MODELS / "upscale_models" / "weft-mini-x4-diffusion.safetensors",
}
# Shards of 4,096 latents of each kind.
FURTHER_SHARDS = {"plain": 4, "sized": 5, "placed": 8, "pair": 8, "scene": 2}
# Pictures of each kind that the ControlNet sees in training, and that it is judged by.
CONTROL_PICTURES, CONTROL_QUESTIONS = 1536, 64
# Held-out pictures of each kind, enlarged to these sides.
ENLARGED_QUESTIONS, ENLARGED_SIDES = 20, (256, 512)
# What hides the flaws of drawn pictures, as the four-times upscaler of Stable Diffusion has it.
NOISE_LEVEL = 20
PIXEL_QUESTIONS = 64
GRID_PICTURES, JUDGE_SEED = 4, 11


def plan(part: str, options: Namespace) -> Plan:
    """Return a companion's plan with the lengths that were asked for."""
    timed = replace(PLANS[part], minutes=options.minutes)
    return timed if options.images is None else replace(timed, images=options.images)


def train_further(options: Namespace) -> None:
    """Train the shipped miniature further, on what it draws badly."""
    denoiser, autoencoder, scale = load(options.file)
    folder = options.data / "further-latents"
    for kind, count in FURTHER_SHARDS.items():
        for index in range(count):
            latents.encode_shard(autoencoder.to(options.device), folder, kind, index)
    known, checkpoint = unet.Latents(folder, scale), options.data / "further.pt"
    unet.train(plan("further", options), checkpoint, denoiser, known, options.device, unet.FURTHER)


def write_further(options: Namespace) -> None:
    """Put what was trained further in place of the shipped miniature."""
    _, autoencoder, scale = load(options.file)
    export(unet.load_average(options.data / "further.pt"), autoencoder, scale, options.file)


def train_control(options: Namespace) -> None:
    """Encode pictures with the shipped autoencoder, and train the ControlNet on them."""
    denoiser, autoencoder, scale = load(options.file)
    folder = options.data / "control-latents"
    for kind in latents.KINDS:
        latents.encode_shard(autoencoder.to(options.device), folder, kind, 0, CONTROL_PICTURES)
    checkpoint = options.data / "control.pt"
    control.train(plan("control", options), checkpoint, denoiser, scale, folder, options.device)


def write_control(options: Namespace) -> None:
    """Write the ControlNet's file."""
    export_control(control.load_average(options.data / "control.pt"), FILES["control"])


def judge_control(options: Namespace) -> None:
    """Measure how well held-out pictures follow their edges, with captions and without."""
    denoiser, autoencoder, scale = load(options.file)
    network = (
        control.load_average(options.data / "control.pt")
        if options.unfinished
        else load_control(FILES["control"])
    )
    denoiser, autoencoder, network = (
        placed(each, options.device) for each in (denoiser, autoencoder, network)
    )

    def draw(captions: list[str], hints: torch.Tensor) -> np.ndarray:
        return draw_captions(
            denoiser, autoencoder, scale, captions, JUDGE_SEED, Steering(network, hints)
        )

    def draw_without(captions: list[str], hints: torch.Tensor) -> np.ndarray:
        return draw([""] * len(captions), hints)

    def draw_unsteered(captions: list[str], hints: torch.Tensor) -> np.ndarray:
        return draw_captions(denoiser, autoencoder, scale, captions, JUDGE_SEED)

    count = options.captions or CONTROL_QUESTIONS
    ways = {"edges": draw, "edges, no caption": draw_without, "no edges": draw_unsteered}
    for way, drawing in ways.items():
        every = [measure_edges(drawing, kind, count) for kind in options.kinds]
        rows = zip([*options.kinds, "all"], [*every, np.concatenate(every)], strict=True)
        for kind, agreements in rows:
            print(f"{way}: {kind}: {len(agreements)} pictures, F1 {agreements.mean():.3f}")
        sys.stdout.flush()
    if options.grid:
        steered_grid(draw, options.kinds, GRID_PICTURES).save(options.grid, optimize=True)


def train_upscaler(options: Namespace) -> None:
    """Train the ESRGAN."""
    upscaler.train(plan("upscaler", options), options.data / "upscaler.pt", options.device)


def write_upscaler(options: Namespace) -> None:
    """Write the ESRGAN's file."""
    export_upscaler(upscaler.load_average(options.data / "upscaler.pt"), FILES["upscaler"])


def judge_upscaler(options: Namespace) -> None:
    """Measure enlarged held-out pictures against Lanczos."""
    if options.unfinished:
        network: torch.nn.Module = upscaler.load_average(options.data / "upscaler.pt")
    else:
        network = load_upscaler(FILES["upscaler"], "float32").network
    _judge_enlarging(placed(network, options.device), options)


def train_super_resolution(options: Namespace) -> None:
    """Train the diffusion model that enlarges."""
    checkpoint = options.data / "super-resolution.pt"
    super_resolution.train(plan("super-resolution", options), checkpoint, options.device)


def write_super_resolution(options: Namespace) -> None:
    """Write the file of the diffusion model that enlarges."""
    network = super_resolution.load_average(options.data / "super-resolution.pt")
    export_super_resolution(network, FILES["super-resolution"])


def judge_super_resolution(options: Namespace) -> None:
    """Measure diffused held-out pictures against Lanczos."""
    if options.unfinished:
        network = super_resolution.load_average(options.data / "super-resolution.pt")
    else:
        network = load_super_resolution(FILES["super-resolution"])
    enlarge = partial(super_resolution.enlarge, placed(network, options.device))
    _judge_enlarging(enlarge, options, (*WAYS, LIKE_DRAWN))
    print(f"With noise of level {NOISE_LEVEL} added first:")
    _judge_enlarging(partial(enlarge, level=NOISE_LEVEL), options, WAYS[:1])


def train_pixel_base(options: Namespace) -> None:
    """Train the denoiser of small pictures."""
    denoiser, _, _ = load(options.file)
    checkpoint = options.data / "pixel-base.pt"
    pixel_base.train(plan("pixel-base", options), checkpoint, denoiser, options.device)


def write_pixel_base(options: Namespace) -> None:
    """Write the file of the denoiser of small pictures."""
    denoiser, _, _ = load(options.file)
    model = pixel_base.load_average(options.data / "pixel-base.pt", denoiser)
    export_pixel_base(model, FILES["pixel-base"])


def judge_pixel_base(options: Namespace) -> None:
    """Judge small pictures of held-out captions, each pixel shown as four."""
    if options.unfinished:
        denoiser, _, _ = load(options.file)
        model = pixel_base.load_average(options.data / "pixel-base.pt", denoiser)
    else:
        model = load_pixel_base(FILES["pixel-base"])
    model = placed(model, options.device)

    def draw(captions: list[str], seed: int) -> np.ndarray:
        return pixel_base.draw_captions(model, captions, seed).repeat(2, 1).repeat(2, 2)

    for kind in options.kinds:
        score = measure(draw, kind, options.captions or PIXEL_QUESTIONS, options.seeds)
        print("\n".join(f"{kind}: {line}" for line in score.lines()), flush=True)
    if options.grid:
        sheet, captions = grid(draw, JUDGE_SEED)
        sheet.save(options.grid, optimize=True)
        print(json.dumps(captions))


def _judge_enlarging(enlarge: Enlarge, options: Namespace, ways: tuple[str, ...] = WAYS) -> None:
    def there(small: torch.Tensor) -> torch.Tensor:
        return enlarge(small.to(options.device)).cpu()

    count = options.captions or ENLARGED_QUESTIONS
    for side in ENLARGED_SIDES:
        for how in ways:
            made, plain = measure_enlarged(there, side, SCALE, how, count)
            print(
                f"{side // SCALE} to {side}, {how}: {made:.2f} dB, Lanczos {plain:.2f}", flush=True
            )


PARTS: dict[str, Callable[[Namespace], None]] = {
    "further": train_further,
    "export-further": write_further,
    "control": train_control,
    "export-control": write_control,
    "judge-control": judge_control,
    "upscaler": train_upscaler,
    "export-upscaler": write_upscaler,
    "judge-upscaler": judge_upscaler,
    "super-resolution": train_super_resolution,
    "export-super-resolution": write_super_resolution,
    "judge-super-resolution": judge_super_resolution,
    "pixel-base": train_pixel_base,
    "export-pixel-base": write_pixel_base,
    "judge-pixel-base": judge_pixel_base,
}
