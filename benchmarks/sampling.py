"""Measure sampling: steps beside a plain diffusers loop, reuse of estimates, solvers' errors.

Run by hand: `python -m benchmarks.sampling [--device cuda] [--width 512] [--full]`. Weights are
random; `--full` takes the size of Stable Diffusion 1.5's UNet, otherwise a tenth of its width.
"""

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler, UNet2DConditionModel
from torch import Tensor

from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.noise import step_noise
from nodes.diffusion.sampling import Sampling
from nodes.diffusion.schedules import karras, sigmas_for
from nodes.diffusion.solvers import SOLVERS, Path
from nodes.speed import deep_cache, easy_cache, lazy_cache
from nodes.types import Cond, Conditioning, Guider, Latent, LatentFormat, Model, Noise, Sampler

SCALE = 7.5
STEPS = (10, 20, 40, 80, 160)


def build_model(full: bool, device: str, dtype: torch.dtype) -> Model:
    """Make a UNet with random weights."""
    widths = (320, 640, 1280, 1280) if full else (32, 64, 128, 128)
    build: Any = UNet2DConditionModel
    unet = build(block_out_channels=widths, cross_attention_dim=768, attention_head_dim=8)
    unet = unet.requires_grad_(False).eval().to(device, dtype)
    form = LatentFormat(channels=4, scaling_factor=0.18215)
    return Model(unet, ModelSampling.from_betas(), form, str(dtype), "benchmark")


def seconds(run: Callable[[], object], device: str) -> float:
    """Time one run, after one to warm up; the best of three.

    On the CPU in its own time, so that a busy machine does not count.
    """
    on_gpu = device.startswith("cuda")
    clock = time.perf_counter if on_gpu else time.process_time
    run()
    best = math.inf
    for _ in range(3):
        start = clock()
        run()
        if on_gpu:
            torch.cuda.synchronize()
        best = min(best, clock() - start)
    return best


def compare_with_diffusers(model: Model, side: int, steps: int, device: str) -> None:
    """Print the time per step of euler with guidance, here and in a plain loop over diffusers."""
    prompts = [Conditioning((Cond(torch.randn(1, 77, 768)),)) for _ in range(2)]
    guider = Guider(model, "cfg", tuple(prompts), {"scale": SCALE})
    sigmas = sigmas_for(model.sampling, "simple", steps)
    latent = Latent(torch.zeros(1, 4, side // 8, side // 8))
    sampling = Sampling(guider, Sampler("euler"), sigmas, Noise(0), latent)
    dtype = next(model.network.parameters()).dtype
    text = torch.cat([part.parts[0].embeds for part in prompts]).to(device, dtype)
    build: Any = EulerDiscreteScheduler
    scheduler = build(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        timestep_spacing="trailing",
    )

    def plain() -> Tensor:
        scheduler.set_timesteps(steps, device=device)
        x = torch.randn(latent.samples.shape, generator=torch.Generator().manual_seed(0))
        x = x.to(device, dtype) * scheduler.init_noise_sigma
        with torch.no_grad():
            for t in scheduler.timesteps:
                given = scheduler.scale_model_input(torch.cat([x, x]), t)
                output = model.network(given, t, encoder_hidden_states=text).sample
                cond, uncond = output.chunk(2)
                x = scheduler.step(uncond + SCALE * (cond - uncond), t, x).prev_sample
        end: Tensor = x.cpu()
        return end

    ours = seconds(lambda: [step.x for step in sampling.steps()][-1].cpu(), device) / steps
    theirs = seconds(plain, device) / steps
    print(f"{side}x{side}, {steps} steps, {dtype}, {device}:")
    print(
        f"  here {ours * 1e3:.2f} ms a step, diffusers {theirs * 1e3:.2f} ms: {ours / theirs:.3f}"
    )


def compare_reuse(model: Model, side: int, steps: int, device: str) -> None:
    """Print what reusing estimates saves, and how far the latent ends from the plain one."""
    prompts = [Conditioning((Cond(torch.randn(1, 77, 768)),)) for _ in range(2)]
    latent = Latent(torch.zeros(1, 4, side // 8, side // 8))
    sigmas = sigmas_for(model.sampling, "normal", steps)

    def run(reusing: Model) -> Tensor:
        guider = Guider(reusing, "cfg", tuple(prompts), {"scale": SCALE})
        sampling = Sampling(guider, Sampler("euler"), sigmas, Noise(0), latent)
        end: Tensor = [step.x for step in sampling.steps()][-1].float().cpu()
        return end

    plain = run(model)
    whole = seconds(lambda: run(model), device)
    kinds = {f"DeepCache, every {n}": deep_cache(model, n) for n in (1, 2, 3, 5)}
    kinds |= {f"EasyCache, {t}": easy_cache(model, t) for t in (0.05, 0.2)}
    kinds |= {f"LazyCache, {t}": lazy_cache(model, t) for t in (0.05, 0.2)}
    print(f"{'reuse':20} {'time':>6} {'error':>8}   of the plain sampling and its spread")
    for name, reusing in kinds.items():
        error = float((run(reusing) - plain).square().mean().sqrt() / plain.std())
        print(f"{name:20} {seconds(partial(run, reusing), device) / whole:6.2f} {error:8.4f}")


def print_convergence() -> None:
    """Print each solver's error on a Gaussian with a known answer, at 10 to 160 steps."""
    sampling = ModelSampling.from_betas()
    spread = torch.exp(torch.linspace(math.log(0.05), math.log(2), 64, dtype=torch.float64))
    starts = torch.randn(32, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    # The means of the data have variance 1, and no part in the errors.
    data_spread = float((spread.square().mean() + 1).sqrt())

    def denoise(x: Tensor, sigma: float) -> Tensor:
        shrunk: Tensor = x * spread.square() / (spread.square() + sigma**2)
        return shrunk

    print(
        f"{'solver':24} " + " ".join(f"{steps:>8}" for steps in (10, 20, 40, 80, 160)) + "  order"
    )
    for name, solver in SOLVERS.items():
        if solver.guided or not solver.counted or name == "lcm" or name.endswith("_gpu"):
            continue
        options: dict[str, Any] = dict(solver.options)
        if solver.noise:
            options |= {"solver_type": "ODE"} if name == "er_sde" else {"eta": 0.0}
        errors = []
        for steps in STEPS:
            sigmas = karras(sampling, steps + 1)[:-1].tolist()
            x = first = starts * (spread.square() + sigmas[0] ** 2).sqrt()
            extra = (step_noise(x, 0), Path()) if solver.noise else ()
            for step in solver.run(denoise, x, sigmas, *extra, **options):
                x = step.x
            ratio = (spread.square() + sigmas[-1] ** 2) / (spread.square() + sigmas[0] ** 2)
            errors.append(float((x - first * ratio.sqrt()).square().mean().sqrt()) / data_spread)
        order = math.log2(errors[2] / errors[4]) / 2
        print(f"{name:24} " + " ".join(f"{e:8.1e}" for e in errors) + f"  {order:5.2f}")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    dtype = torch.float16 if arguments.device.startswith("cuda") else torch.float32
    model = build_model(arguments.full, arguments.device, dtype)
    compare_with_diffusers(model, arguments.width, arguments.steps, arguments.device)
    compare_reuse(model, arguments.width, 2 * arguments.steps, arguments.device)
    print_convergence()


if __name__ == "__main__":
    main()
