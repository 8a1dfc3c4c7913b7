"""Patches that let self-attention look at less: tiles of the picture, or merged tokens.

Attention over T tokens costs T squared; at large sizes it is most of the work.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from nodes.diffusion.patches.patch import Call, replaced

# Takes tokens (B, T, C) and their height and width; gives them changed, and the way back.
Detour = Callable[[Tensor, int, int], tuple[Tensor, Callable[[Tensor], Tensor]]]


@contextmanager
def hyper_tiled(
    network: nn.Module,
    call: Call,
    *,
    tile: int,
    choices: int,
    depth: int,
    scaled: bool,
) -> Iterator[None]:
    """Let each token look at those of its own tile only.

    Known as HyperTile (T. Fernandes 2023). Tiles are as near to the wanted size as the picture can
    be divided into, not below it; from step to step they change, so that their edges do not show.

    Args:
        network: A U-Net.
        call: Its noise level chooses among the tilings.
        tile: Least side of a tile, in latent cells.
        choices: Among how many divisions of each side to choose.
        depth: How many times halved the levels may be that it holds for.
        scaled: Whether tiles have that many tokens a side at every depth.
    """
    source = random.Random(repr(call.sigma))

    def detour(tokens: Tensor, height: int, width: int) -> tuple[Tensor, Callable[..., Tensor]]:
        halved = call.size[0] // height
        least = tile if scaled else max(1, tile // halved)
        down, across = (_division(side, least, choices, source) for side in (height, width))
        return tiled(tokens, (height, width), (down, across))

    with _around_self_attention(network, call, depth, detour):
        yield


@contextmanager
def token_merged(network: nn.Module, call: Call, *, ratio: float) -> Iterator[None]:
    """Let tokens that are alike go through self-attention as one, on the finest level.

    Bolya and Hoffman 2023, Token Merging for Fast Stable Diffusion, arXiv:2303.17604.

    Args:
        network: A U-Net.
        call: Its noise level chooses the tokens that others are merged into.
        ratio: The share of tokens that are merged away, at most three in four.
    """
    generator = torch.Generator().manual_seed(random.Random(repr(call.sigma)).getrandbits(63))

    def detour(tokens: Tensor, height: int, width: int) -> tuple[Tensor, Callable[..., Tensor]]:
        return merged(tokens, (height, width), ratio, generator)

    with _around_self_attention(network, call, 0, detour):
        yield


def tiled(
    tokens: Tensor, size: tuple[int, int], parts: tuple[int, int]
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Cut tokens (B, T, C) of a picture into tiles, which become a batch.

    Args:
        tokens: Row by row.
        size: Height and width in tokens.
        parts: Into how many each is divided, without rest.

    Returns:
        (B * parts, T / parts, C), and the way back.
    """
    (height, width), (down, across) = size, parts
    batch, count, channels = tokens.shape
    cut = (batch, down, height // down, across, width // across, channels)
    tiles = tokens.reshape(cut).transpose(2, 3)
    shape = tiles.shape

    def back(made: Tensor) -> Tensor:
        return made.reshape(*shape[:-1], -1).transpose(2, 3).reshape(batch, count, -1)

    return tiles.reshape(batch * down * across, -1, channels), back


def merged(
    tokens: Tensor, size: tuple[int, int], ratio: float, generator: torch.Generator
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Merge tokens into those that they are most alike.

    In each 2 × 2 square one token, drawn at random, stays; of the others, those that are most like
    one that stays are meaned with it.

    Args:
        tokens: (B, T, C), row by row.
        size: Height and width in tokens.
        ratio: The share of tokens to merge away.
        generator: On the CPU.

    Returns:
        (B, T - merged, C), and the way back, which gives merged tokens what their target got.
    """
    batch, count = tokens.shape[:2]
    staying, moving = (places.to(tokens.device) for places in _parted(*size, generator))
    gone = min(int(count * ratio), len(moving))
    unit = normalize(tokens.float(), dim=-1)
    likeness = unit[:, moving] @ unit[:, staying].transpose(1, 2)
    best, target = likeness.max(dim=2)
    order = best.argsort(dim=1, descending=True)
    leaving, left = order[:, :gone], order[:, gone:]
    into = target.gather(1, leaving)

    def wide(places: Tensor, like: Tensor) -> Tensor:
        return places.unsqueeze(-1).expand(-1, -1, like.shape[-1])

    others, targets = tokens[:, moving], tokens[:, staying]
    targets = targets.scatter_reduce(
        1, wide(into, tokens), others.gather(1, wide(leaving, tokens)), reduce="mean"
    )
    kept = others.gather(1, wide(left, tokens))

    def back(made: Tensor) -> Tensor:
        alone, together = made[:, : left.shape[1]], made[:, left.shape[1] :]
        restored = made.new_empty(batch, len(moving), made.shape[-1])
        restored = restored.scatter(1, wide(left, made), alone)
        restored = restored.scatter(1, wide(leaving, made), together.gather(1, wide(into, made)))
        whole = made.new_empty(batch, count, made.shape[-1])
        whole[:, moving], whole[:, staying] = restored, together
        return whole

    return torch.cat([kept, targets], dim=1), back


def _parted(height: int, width: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw one place of each 2 × 2 square; give these, and all others."""
    rows, columns = max(1, height // 2), max(1, width // 2)
    drawn = torch.randint(4, (rows, columns), generator=generator)
    y = (2 * torch.arange(rows)[:, None] + drawn // 2).clamp(max=height - 1)
    x = (2 * torch.arange(columns)[None] + drawn % 2).clamp(max=width - 1)
    stays = torch.zeros(height * width, dtype=torch.bool)
    stays[(y * width + x).flatten()] = True
    return stays.nonzero().flatten(), (~stays).nonzero().flatten()


def _division(side: int, least: int, choices: int, source: random.Random) -> int:
    """Choose into how many tiles of at least `least` a side is divided."""
    lengths = [n for n in range(min(least, side), side + 1) if side % n == 0]
    return side // source.choice(lengths[:choices])


@contextmanager
def _around_self_attention(
    network: nn.Module, call: Call, depth: int, detour: Detour
) -> Iterator[None]:
    """Send what self-attentions read through a detour, at levels halved up to `depth` times."""
    height, width = call.size
    levels: dict[int, tuple[int, int]] = {}
    for _ in range(depth + 1):
        levels[height * width] = (height, width)
        height, width = -(-height // 2), -(-width // 2)
    with ExitStack() as stack:
        for module in network.modules():
            attention: Any = getattr(module, "attn1", None)
            if isinstance(attention, nn.Module):
                forward = _with_detour(attention.forward, levels, detour)
                stack.enter_context(replaced(attention, "forward", forward))
        yield


def _with_detour(
    forward: Callable[..., Tensor], levels: dict[int, tuple[int, int]], detour: Detour
) -> Callable[..., Tensor]:
    def attend(hidden_states: Tensor, *rest: Any, **named: Any) -> Tensor:
        size = levels.get(hidden_states.shape[1])
        if size is None:
            return forward(hidden_states, *rest, **named)
        fewer, back = detour(hidden_states, *size)
        return back(forward(fewer, *rest, **named))

    return attend
