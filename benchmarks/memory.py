"""Measure what keeping weights costs and saves: loading, 8 bits, layers brought, memory formats.

Run by hand: `python -m benchmarks.memory [--megabytes 512] [--width 256]`, on the processor.
Weights are random. Times are the process's own, so that a busy machine does not count.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nodes.diffusion.files.checkpoint_file import read_weights
from nodes.diffusion.files.checkpoint_networks import filled
from nodes.diffusion.memory.modules import module_bytes
from nodes.diffusion.memory.placement import place
from nodes.diffusion.memory.precision import kept_in

DEVICE = torch.device("cpu:0")


def seconds(run: Callable[[], object]) -> float:
    """Time one run, after one to warm up; the best of three."""
    run()
    best = math.inf
    for _ in range(3):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def compare_loading(megabytes: int) -> None:
    """Print the time of mapping and assigning a file beside that of building and copying."""
    side = 1024
    count = megabytes * 2**20 // (2 * side * side)

    def build() -> nn.Module:
        return nn.ModuleList(nn.Linear(side, side, bias=False) for _ in range(count)).half()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        save_file(build().state_dict(), path)

        def mapped() -> nn.Module:
            with torch.device("meta"):
                network = build()
            return filled(network, read_weights(path, lambda _: True), "float16", "part")

        def copied() -> nn.Module:
            network = build()
            network.load_state_dict(load_file(path))
            return network

        ours, theirs = seconds(mapped), seconds(copied)
    print(f"{megabytes} MB loaded: mapped {ours * 1e3:.1f} ms, copied {theirs * 1e3:.1f} ms")


def compare_keeping(width: int) -> None:
    """Print time and room of one call of a UNet as its weights are kept in several ways."""
    torch.manual_seed(0)
    build: Any = UNet2DConditionModel
    unet: Any = build(
        block_out_channels=(64, 128, 256, 256), cross_attention_dim=768, attention_head_dim=8
    )
    unet = unet.requires_grad_(False).eval()
    whole = module_bytes(unet)
    lasting: Any = build.from_config(unet.config).requires_grad_(False).eval()
    lasting.load_state_dict(unet.state_dict())
    kinds = {
        "as computed": unet,
        "channels last": lasting.to(memory_format=torch.channels_last),
        "8 bits": kept_in(unet, torch.float8_e4m3fn),
        "half brought": place(unet, DEVICE, whole // 2).module,
        "all brought": place(unet, DEVICE, 0).module,
    }
    x, text = torch.randn(2, 4, width // 8, width // 8), torch.randn(2, 77, 768)

    @torch.no_grad()
    def call(network: Any) -> Tensor:
        made: Tensor = network(x, torch.tensor(500), encoder_hidden_states=text).sample
        return made

    # In turns, so that what else the machine does is the same for all.
    rounds = [{n: seconds(partial(call, kinds[n])) for n in kinds} for _ in range(3)]
    times = {name: min(each[name] for each in rounds) for name in kinds}
    print(f"{'weights':16} {'room':>6} {'time':>6}   of those in float32, one call at {width}")
    for name, network in kinds.items():
        ratio = times[name] / times["as computed"]
        print(f"{name:16} {module_bytes(network) / whole:6.2f} {ratio:6.2f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--width", type=int, default=256)
    arguments = parser.parse_args()
    compare_loading(arguments.megabytes)
    compare_keeping(arguments.width)


if __name__ == "__main__":
    main()
