"""Patches of a U-Net's way down and up: FreeU, and shrinking deep layers."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.latents import resize
from nodes.diffusion.patches.patch import Call


@contextmanager
def free_u(
    network: Any,
    call: Call,
    *,
    backbone: tuple[float, float],
    skip: tuple[float, float],
    by_structure: bool,
) -> Iterator[None]:
    """Strengthen what comes from below in a U-Net, and weaken the low frequencies of its skips.

    Si et al. 2023, FreeU: Free Lunch in Diffusion U-Net, arXiv:2309.11497. It holds where the way
    up has four and two times the channels of the first level.

    Args:
        network: A UNet2DConditionModel.
        call: Not looked at.
        backbone: Factors on the first half of the channels from below, at four and at two times.
        skip: Factors on the skips' low frequencies, likewise.
        by_structure: Let the factor grow from 1 to the given one with the mean over channels
            (the paper's second version), rather than hold everywhere.
    """
    width = network.config.block_out_channels[0]
    factors = {4 * width: (backbone[0], skip[0]), 2 * width: (backbone[1], skip[1])}
    with ExitStack() as stack:
        channels = network.config.block_out_channels[-1]
        for block in network.up_blocks:
            for resnet in block.resnets:
                if channels in factors:
                    change = _freed(channels, *factors[channels], by_structure)
                    stack.callback(resnet.register_forward_pre_hook(change).remove)
                channels = resnet.out_channels
        yield


def _freed(
    channels: int, backbone: float, skip: float, by_structure: bool
) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    def change(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        together, *rest = args
        below, beside = together[:, :channels], together[:, channels:]
        half = channels // 2
        factor: Tensor | float = backbone
        if by_structure:
            mean = below.mean(dim=1, keepdim=True)
            least, most = mean.amin((2, 3), keepdim=True), mean.amax((2, 3), keepdim=True)
            factor = 1 + (backbone - 1) * (mean - least) / (most - least).clamp(min=1e-12)
        parts = [below[:, :half] * factor, below[:, half:], low_frequencies_scaled(beside, skip)]
        return (torch.cat(parts, dim=1), *rest)

    return change


def low_frequencies_scaled(planes: Tensor, factor: float, reach: int = 1) -> Tensor:
    """Multiply the lowest frequencies of (B, C, H, W): those below `reach` along both axes."""
    if factor == 1:
        return planes
    # Half precision has no Fourier transform of every length.
    spectrum = torch.fft.fftshift(torch.fft.fft2(planes.float()), dim=(-2, -1))
    rows, columns = (size // 2 for size in planes.shape[-2:])
    low = (
        ...,
        slice(max(rows - reach, 0), rows + reach),
        slice(max(columns - reach, 0), columns + reach),
    )
    spectrum[low] *= factor
    back: Tensor = torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real
    return back.to(planes.dtype)


@contextmanager
def deep_shrink(
    network: Any,
    call: Call,
    *,
    block_number: int,
    factor: float,
    first: float,
    last: float,
    after_skip: bool,
    down_method: str,
    up_method: str,
) -> Iterator[None]:
    """Make everything below one place of a U-Net smaller, early in the sampling.

    Large pictures then get the composition of those that the network was trained on. Known as
    kohya's Deep Shrink. On the way up, sizes follow the skips.

    Args:
        network: A UNet2DConditionModel.
        call: Its noise level says whether the patch holds.
        block_number: The place: 0 is the first convolution; each layer and each downsampling
            counts.
        factor: How many times smaller.
        first: The highest noise level at which it holds.
        last: The lowest.
        after_skip: Whether the skip of that place keeps its size.
        down_method: How to resize on the way down: a method of `latents.resize`.
        up_method: On the way up.
    """
    way_down, way_up = _way_down(network), _way_up(network)
    with ExitStack() as stack:
        if not last <= call.sigma <= first or block_number >= len(way_down):
            yield
            return
        sizes: dict[int, tuple[int, int]] = {}

        def smaller(planes: Tensor) -> Tensor:
            height, width = (max(1, math.floor(side / factor + 0.5)) for side in planes.shape[-2:])
            return resize(planes, height, width, down_method)

        def note(number: int, planes: Tensor) -> Tensor:
            height, width = planes.shape[-2:]
            sizes[number] = (height, width)
            return planes

        def as_skip(number: int, planes: Tensor) -> Tensor:
            height, width = sizes[number]
            same = planes.shape[-2:] == (height, width)
            return planes if same else resize(planes, height, width, up_method)

        for number, module in enumerate(way_down):
            if number == block_number and not after_skip:
                stack.callback(_on_output(module, smaller))
            stack.callback(_on_output(module, partial(note, number)))
        if after_skip:
            follower = (*_consumers(network), network.mid_block)[block_number]
            stack.callback(follower.register_forward_pre_hook(_on_input(smaller)).remove)
        for number, module in zip(reversed(range(len(way_down))), way_up, strict=True):
            # Before what other patches read there.
            stack.callback(_on_output(module, partial(as_skip, number), prepend=True))
        yield


def _way_down(network: Any) -> list[nn.Module]:
    """List the modules whose outputs are the skips, from the first."""
    found = [network.conv_in]
    for block in network.down_blocks:
        found += _layer_ends(block)
        found += block.downsamplers or []
    return found


def _consumers(network: Any) -> list[nn.Module]:
    """List the modules that read each skip's place on the way down; the middle reads the last."""
    found: list[nn.Module] = []
    for block in network.down_blocks:
        found += list(block.resnets)
        found += block.downsamplers or []
    return found


def _way_up(network: Any) -> list[nn.Module]:
    """List the modules whose outputs meet the skips, from the last skip."""
    found: list[nn.Module] = [network.mid_block]
    for block in network.up_blocks:
        found += _layer_ends(block)
        if block.upsamplers:
            # What comes out of the layers goes through the upsampling first.
            found[-1] = block.upsamplers[-1]
    return found[:-1]


def _layer_ends(block: Any) -> list[nn.Module]:
    return list(getattr(block, "attentions", None) or block.resnets)


def _on_output(
    module: nn.Module, change: Callable[[Tensor], Tensor], *, prepend: bool = False
) -> Callable[[], None]:
    def hook(_: nn.Module, __: Any, output: Any) -> Any:
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    return module.register_forward_hook(hook, prepend=prepend).remove


def _on_input(change: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    def hook(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (change(args[0]), *args[1:])

    return hook
