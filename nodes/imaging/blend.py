"""How the colours of two pictures (B, C, H, W) in [0, 1] combine: blend modes and Porter-Duff."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor


def _overlay(below: Tensor, above: Tensor) -> Tensor:
    return torch.where(below <= 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above))


def _soft_light(below: Tensor, above: Tensor) -> Tensor:
    lighter = torch.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, below.sqrt())
    return torch.where(
        above <= 0.5,
        below - (1 - 2 * above) * below * (1 - below),
        below + (2 * above - 1) * (lighter - below),
    )


# W3C, Compositing and Blending Level 1, section 9; but the difference keeps its sign, as everywhere
# in the field.
BLENDS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {
        "normal": lambda below, above: above,
        "multiply": lambda below, above: below * above,
        "screen": lambda below, above: 1 - (1 - below) * (1 - above),
        "overlay": _overlay,
        "soft_light": _soft_light,
        "difference": lambda below, above: below - above,
    }
)

# What is left of each picture where: the share of the source that stays, and of the destination,
# given the opacities of both. Porter and Duff 1984, Compositing Digital Images, table 4.
_SHARES: Mapping[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = MappingProxyType(
    {
        "CLEAR": lambda s, d: (torch.zeros_like(s), torch.zeros_like(d)),
        "DST": lambda s, d: (torch.zeros_like(s), torch.ones_like(d)),
        "DST_ATOP": lambda s, d: (1 - d, s),
        "DST_IN": lambda s, d: (torch.zeros_like(s), s),
        "DST_OUT": lambda s, d: (torch.zeros_like(s), 1 - s),
        "DST_OVER": lambda s, d: (1 - d, torch.ones_like(d)),
        "SRC": lambda s, d: (torch.ones_like(s), torch.zeros_like(d)),
        "SRC_ATOP": lambda s, d: (d, 1 - s),
        "SRC_IN": lambda s, d: (d, torch.zeros_like(d)),
        "SRC_OUT": lambda s, d: (1 - d, torch.zeros_like(d)),
        "SRC_OVER": lambda s, d: (torch.ones_like(s), 1 - s),
        "XOR": lambda s, d: (1 - d, 1 - s),
    }
)
# What stands where both are: of premultiplied colours and opacities.
_BOTH: Mapping[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = MappingProxyType(
    {
        "DARKEN": lambda cs, cd, s, d: torch.minimum(cs * d, cd * s),
        "LIGHTEN": lambda cs, cd, s, d: torch.maximum(cs * d, cd * s),
        "OVERLAY": lambda cs, cd, s, d: torch.where(
            2 * cd < d, 2 * cs * cd, s * d - 2 * (d - cd) * (s - cs)
        ),
        "SCREEN": lambda cs, cd, s, d: cs * d + cd * s - cs * cd,
    }
)
PORTER_DUFF = tuple(sorted([*_SHARES, *_BOTH, "ADD", "MULTIPLY"]))


def porter_duff(
    source: Tensor, source_alpha: Tensor, destination: Tensor, alpha: Tensor, mode: str
) -> tuple[Tensor, Tensor]:
    """Lay one picture with opacity on another.

    Args:
        source: (B, 3, H, W), not premultiplied.
        source_alpha: (B, 1, H, W), 1 = opaque.
        destination: (B, 3, H, W).
        alpha: (B, 1, H, W) of the destination.
        mode: One of PORTER_DUFF. Beside the twelve of Porter and Duff there are sums (ADD),
            products (MULTIPLY), and the blends of W3C's Compositing and Blending.

    Returns:
        Colours, not premultiplied, black where nothing is; and opacity.
    """
    above, below = source * source_alpha, destination * alpha
    if mode in _SHARES:
        of_source, of_destination = _SHARES[mode](source_alpha, alpha)
        opacity = of_source * source_alpha + of_destination * alpha
        colours = of_source * above + of_destination * below
    elif mode == "ADD":
        opacity, colours = source_alpha + alpha, above + below
    elif mode == "MULTIPLY":
        opacity, colours = source_alpha * alpha, above * below
    else:
        opacity = source_alpha + alpha - source_alpha * alpha
        both = _BOTH[mode](above, below, source_alpha, alpha)
        colours = above * (1 - alpha) + below * (1 - source_alpha) + both
    opacity = opacity.clamp(0, 1)
    plain = torch.where(opacity > 1e-5, colours / opacity.clamp(min=1e-5), 0.0)
    return plain.clamp(0, 1), opacity
