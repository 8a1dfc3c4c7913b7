"""Changes of latents (B, C, h, w) that treat the channels of a cell as one vector."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor
from torch.linalg import vector_norm

from nodes.imaging.blur import sharpened
from nodes.types import LatentOperation


def operated(operation: LatentOperation, samples: Tensor) -> Tensor:
    """Do what an operation says to (B, C, h, w)."""
    return OPERATIONS[operation.name](samples, **operation.options)


def tone_mapped(samples: Tensor, *, multiplier: float) -> Tensor:
    """Press long vectors together, by Reinhard's curve, and leave short ones nearly as they are.

    Reinhard et al. 2002, Photographic Tone Reproduction for Digital Images, equation 3: a length l
    becomes l / (1 + l / top), where `top`, which none exceeds, is the mean length and five standard
    deviations, times `multiplier`.
    """
    length: Tensor = vector_norm(samples, dim=1, keepdim=True) + 1e-10
    spread, mean = (measure(dim=(1, 2, 3), keepdim=True) for measure in (length.std, length.mean))
    top = ((mean + 5 * spread) * multiplier).clamp(min=1e-10)
    return samples / (1 + length / top)


def direction_sharpened(samples: Tensor, *, radius: float, sigma: float, amount: float) -> Tensor:
    """Sharpen which way vectors point, not how long they are.

    Args:
        samples: (B, C, h, w).
        radius: Cells that the blur reaches to each side.
        sigma: Standard deviation of the blur, in radii.
        amount: How many times what the blur takes away is added.
    """
    length: Tensor = vector_norm(samples, dim=1, keepdim=True) + 1e-6
    cells = int(radius)
    return length * sharpened(samples / length, cells, sigma * cells, amount)


OPERATIONS: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {"reinhard": tone_mapped, "sharpen": direction_sharpened}
)
