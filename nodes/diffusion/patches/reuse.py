"""Estimates that are made of earlier ones while little changes: fewer calls of the network.

Zhou et al. 2025, Less is Enough: Training-Free Video Diffusion Acceleration via Runtime-Adaptive
Caching, arXiv:2507.02860 (EasyCache): how fast an output follows its input hardly changes from
step to step, so that the input alone tells how far the output has gone since it was computed.
"""

import logging
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from nodes.diffusion.patches.patch import Call, Guide, replaced

LOG = logging.getLogger("weft.reuse")

# Below any output that counts, so that nothing is divided by 0.
_LEAST = 1e-12


@dataclass
class Trail:
    """The way of an output after its input.

    Attributes:
        x: The last input.
        y: The last output, computed or reused.
        rate: How far the output went for each step of the input, when it was last computed.
        gone: How far it has probably gone since, as a share of its own size.
    """

    x: Tensor
    y: Tensor
    rate: float | None = None
    gone: float = 0.0

    def is_near(self, x: Tensor, threshold: float) -> bool:
        """Say whether the output for an input is probably near the one that was computed last."""
        if self.rate is None:
            return False
        self.gone += self.rate * _size(x - self.x) / max(_size(self.y), _LEAST)
        return self.gone < threshold

    def computed(self, x: Tensor, y: Tensor) -> None:
        """Note an output that was computed."""
        moved = _size(x - self.x)
        self.rate = _size(y - self.y) / moved if moved else None
        self.x, self.y, self.gone = x, y, 0.0

    def reused(self, x: Tensor, y: Tensor) -> None:
        """Note an output that was made of an earlier one."""
        self.x, self.y = x, y


@contextmanager
def easily_cached(
    network: nn.Module,
    call: Call,
    *,
    memory: dict[Hashable, tuple[Trail, Tensor]],
    threshold: float,
    first: float,
    last: float,
    verbose: bool,
) -> Iterator[None]:
    """Give, while little changes, the input plus what the network added to it last.

    Args:
        network: Takes and gives tensors of the same shape, but for channels beside.
        call: Its parts are known again by their names.
        memory: What is kept, from call to call of one sampling.
        threshold: How far outputs may go, as a share of their size, before one is computed anew.
        first: The highest noise level at which it holds.
        last: The lowest.
        verbose: Write reuses to the log.
    """
    forward: Any = network.forward
    key = (call.names, call.first)

    def reusing(*args: Any, **named: Any) -> tuple[Tensor, ...]:
        x: Tensor = args[0] if args else named["hidden_states"]
        trail, added = memory.get(key, (None, None))
        held = last <= call.sigma <= first
        if trail is not None and added is not None and held and trail.is_near(x, threshold):
            y = _like(x, added) + added
            trail.reused(x, y)
            if verbose:
                LOG.info("reused at noise level %.4g", call.sigma)
            return (y,)
        y, *rest = forward(*args, **named)
        if trail is None:
            trail = Trail(x, y)
        else:
            trail.computed(x, y)
        memory[key] = trail, y - _like(x, y)
        return (y, *rest)

    with replaced(network, "forward", reusing):
        yield


def lazily(guide: Guide, *, threshold: float, first: float, last: float, verbose: bool) -> Guide:
    """Go on, while little changes, in the direction that the guided estimate had last.

    The same as `easily_cached`, on what guidance makes of all calls of the network: nothing is
    asked of the network's kind.
    """
    trail: Trail | None = None
    away: Tensor | None = None

    def reusing(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        nonlocal trail, away
        near = trail is not None and last <= sigma <= first and trail.is_near(x, threshold)
        if trail is not None and away is not None and near:
            trail.reused(x, trail.y)
            if verbose:
                LOG.info("reused at noise level %.4g", sigma)
            return x - sigma * trail.y, x - sigma * away
        denoised, other = guide(x, sigma)
        direction, away = (x - denoised) / sigma, (x - other) / sigma
        if trail is None:
            trail = Trail(x, direction)
        else:
            trail.computed(x, direction)
        return denoised, other

    return reusing


def _like(x: Tensor, y: Tensor) -> Tensor:
    """Leave out the channels that only the input has."""
    return x[:, : y.shape[1]] if y.ndim == 4 else x[..., : y.shape[-1]]


def _size(values: Tensor) -> float:
    return float(values.float().abs().mean())
