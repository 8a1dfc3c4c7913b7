"""Give pictures the colours of another: by their statistics, or by how often each value occurs."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

# From linear light of sRGB to CIE XYZ, as shares of the white of D65 (IEC 61966-2-1).
_TO_XYZ = torch.tensor(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
) / torch.tensor([[0.95047], [1.0], [1.08883]])
# Where the cube root of CIE L*a*b* becomes a line.
_KNEE, _SLOPE = 6 / 29, 3 * (6 / 29) ** 2
# From cube roots to L*, a* and b*; L* is less 16.
_TO_LAB = torch.tensor([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
_LEAST = 1e-6


def to_lab(pixels: Tensor) -> Tensor:
    """Turn sRGB (B, 3, N) in [0, 1] into CIE L*a*b*, L* being less 16."""
    linear = torch.where(
        pixels <= 0.04045, pixels / 12.92, ((pixels.clamp(min=0) + 0.055) / 1.055) ** 2.4
    )
    xyz = _TO_XYZ @ linear
    roots = torch.where(xyz > _KNEE**3, xyz.clamp(min=0) ** (1 / 3), xyz / _SLOPE + 4 / 29)
    return _TO_LAB @ roots


def from_lab(lab: Tensor) -> Tensor:
    """Turn what `to_lab` gives back into sRGB (B, 3, N)."""
    roots = torch.linalg.inv(_TO_LAB) @ lab
    xyz = torch.where(roots > _KNEE, roots**3, _SLOPE * (roots - 4 / 29))
    linear = torch.linalg.inv(_TO_XYZ) @ xyz
    curved = 1.055 * linear.clamp(min=0) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, curved)


def by_spread(pixels: Tensor, seen: Tensor, like: Tensor) -> Tensor:
    """Give each of L*, a* and b* the other's mean and spread.

    Reinhard et al. 2001, Color Transfer between Images, IEEE CG&A 21(5).
    """
    mean, spread = _moments(to_lab(seen))
    wanted, wanted_spread = _moments(to_lab(like))
    return from_lab((to_lab(pixels) - mean) / spread.clamp(min=_LEAST) * wanted_spread + wanted)


def by_covariance(pixels: Tensor, seen: Tensor, like: Tensor) -> Tensor:
    """Give L*, a* and b* the other's means and covariance, by the least change that does.

    Pitié and Kokaram 2007, The Linear Monge-Kantorovitch Linear Colour Mapping for Example-Based
    Colour Transfer, equation 8.
    """
    (mean, own), (wanted, other) = (_covariance(to_lab(each)) for each in (seen, like))
    root, inverse = _power(own, 0.5), _power(own, -0.5)
    change = inverse @ _power(root @ other @ root, 0.5) @ inverse
    return from_lab(change @ (to_lab(pixels) - mean) + wanted)


def by_histogram(pixels: Tensor, seen: Tensor, like: Tensor) -> Tensor:
    """Let each value of red, green and blue occur as often as in the other."""
    made = torch.empty_like(pixels)
    for one in range(len(pixels)):
        for channel in range(3):
            values, other = (
                each[min(one, len(each) - 1), channel].sort().values for each in (seen, like)
            )
            asked = pixels[one, channel].contiguous()
            share = torch.searchsorted(values, asked, right=True) / len(values)
            place = (share * len(other)).ceil().long().clamp(1, len(other)) - 1
            made[one, channel] = other[place]
    return made


# By the field's names: from pictures, what is compared, and whose colours they get, all (B, 3, N).
TRANSFERS: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = MappingProxyType(
    {"reinhard_lab": by_spread, "mkl_lab": by_covariance, "histogram": by_histogram}
)


def _moments(values: Tensor) -> tuple[Tensor, Tensor]:
    spread, mean = torch.std_mean(values, dim=2, keepdim=True, correction=0)
    return mean, spread


def _covariance(values: Tensor) -> tuple[Tensor, Tensor]:
    mean = values.mean(dim=2, keepdim=True)
    around = values - mean
    return mean, around @ around.mT / values.shape[2]


def _power(matrix: Tensor, power: float) -> Tensor:
    """Raise symmetric matrices to a power."""
    values, vectors = torch.linalg.eigh(matrix.double())
    raised: Tensor = (vectors * values.clamp(min=_LEAST).pow(power).unsqueeze(-2)) @ vectors.mT
    return raised.to(matrix)


def transferred(pixels: Tensor, seen: Tensor, like: Tensor, method: str, strength: float) -> Tensor:
    """Give pictures the colours of others.

    Args:
        pixels: (B, 3, H, W) in [0, 1].
        seen: (1|B, 3, h, w): what of them is compared.
        like: (1|B, 3, h', w'): whose colours they get.
        method: One of `TRANSFERS`.
        strength: How far they go; 1 is all the way.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    flat = [each.flatten(2) for each in (pixels, seen, like)]
    made = TRANSFERS[method](*flat).clamp(0, 1).reshape(pixels.shape)
    return torch.lerp(pixels, made, strength).clamp(0, 1)
