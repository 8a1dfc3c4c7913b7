"""Command line: `python -m training PART` trains, exports or judges the miniature model."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from training import clip, companions, decoder, latents, unet, vae
from training.export import export, load, trained_vae
from training.run import Plan
from training.sample import draw_captions, restore
from training.score import COUNTS, KINDS, grid, measure, measure_restored
from training.unet import load_average

FIRST = ("vae", "clip", "latents", "unet", "decoder", "export")
MINIATURE = (*FIRST, "further", "export-further", "judge")
PARTS = (*MINIATURE, *(part for part in companions.PARTS if part not in MINIATURE))
PLANS = {
    "vae": Plan(images=88_000, batch=16, rate=2e-3),
    "clip": Plan(images=24_000, batch=64, rate=1e-3, warm_up=50),
    "unet": Plan(images=250_000, batch=64, rate=8e-4, cooldown=0.5),
    "decoder": Plan(images=15_000, batch=8, rate=1e-3),
}
# Shards of 4,096 latents of each kind.
SHARDS = {"plain": 8, "sized": 3, "placed": 3, "pair": 5, "scene": 2}
CHECKPOINT = Path("models/checkpoints/weft-mini.safetensors")
GRID_SEED = 7


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("part", choices=[*PARTS, "all"])
    parser.add_argument("--data", type=Path, default=Path("data/training"), help="checkpoints")
    parser.add_argument("--file", type=Path, default=CHECKPOINT, help="the exported checkpoint")
    parser.add_argument("--images", type=int, help="pictures to train on, instead of the recipe's")
    parser.add_argument("--minutes", type=float, help="stop after so long; a later call continues")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for all")
    judging = parser.add_argument_group("judge")
    judging.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    judging.add_argument("--captions", type=int, help="of each kind, instead of the card's")
    judging.add_argument("--seeds", type=int, default=3)
    judging.add_argument("--unfinished", action="store_true", help="the training's checkpoints")
    judging.add_argument("--grid", type=Path, help="write an unselected grid of pictures here")
    return parser.parse_args(argv)


def _plan(part: str, options: argparse.Namespace) -> Plan:
    plan = replace(PLANS[part], minutes=options.minutes)
    return plan if options.images is None else replace(plan, images=options.images)


def _train(part: str, options: argparse.Namespace) -> None:
    data, device = options.data, options.device
    if part == "vae":
        vae.train(_plan(part, options), data / "vae.pt", device)
    elif part == "clip":
        clip.train(_plan(part, options), data / "clip.pt", device)
    elif part == "latents":
        autoencoder = trained_vae(data / "vae.pt").to(device)
        for kind, count in SHARDS.items():
            for index in range(count):
                latents.encode_shard(autoencoder, data / "latents", kind, index)
    elif part == "unet":
        model = unet.build(clip.text_encoder(data / "clip.pt"))
        folder = data / "latents"
        known = unet.Latents(folder, latents.scaling_factor(folder))
        unet.train(_plan(part, options), data / "unet.pt", model, known, device)
    else:
        decoder.train(_plan(part, options), data / "vae.pt", data / "decoder.pt", device)


def _export(options: argparse.Namespace) -> None:
    scale = latents.scaling_factor(options.data / "latents")
    model = load_average(options.data / "unet.pt")
    export(model, trained_vae(options.data / "decoder.pt"), scale, options.file)


def _judge(options: argparse.Namespace) -> None:
    if options.unfinished:
        model = load_average(options.data / "unet.pt")
        decoded = options.data / "decoder.pt"
        autoencoder = trained_vae(decoded if decoded.exists() else options.data / "vae.pt")
        scale = latents.scaling_factor(options.data / "latents")
    else:
        model, autoencoder, scale = load(options.file)
    model, autoencoder = model.to(options.device), autoencoder.to(options.device)

    def draw(captions: list[str], seed: int) -> np.ndarray:
        return draw_captions(model, autoencoder, scale, captions, seed)

    for kind in options.kinds:
        count = options.captions or COUNTS[kind]
        restored = measure_restored(lambda pixels: restore(autoencoder, pixels), kind, count)
        print(f"{kind}, restored: {restored.lines()[0]}")
        score = measure(draw, kind, count, options.seeds)
        print("\n".join(f"{kind}: {line}" for line in score.lines()), flush=True)
    if options.grid:
        sheet, captions = grid(draw, GRID_SEED)
        sheet.save(options.grid, optimize=True)
        print(json.dumps(captions))


def main(argv: list[str]) -> None:
    """Run one part, or all of them in order."""
    options = _arguments(argv)
    if options.threads:
        torch.set_num_threads(options.threads)
    for part in PARTS if options.part == "all" else (options.part,):
        if part in companions.PARTS:
            companions.PARTS[part](options)
        elif part == "export":
            _export(options)
        elif part == "judge":
            _judge(options)
        else:
            _train(part, options)


if __name__ == "__main__":
    main(sys.argv[1:])
