"""The time of a schedule whose share of signal is a squared cosine.

Nichol and Dhariwal 2021, Improved Denoising Diffusion Probabilistic Models, arXiv:2102.09672,
equation 17, with the least shares of Stable Cascade's training.
"""

import math

import torch
from torch import Tensor

# Where a cosine's schedule begins, and the least share of the signal, or of noise, that it leaves.
_COSINE_START, _LEAST_SHARE = 0.008, 1e-4


def cosine_sigma(time: Tensor, shift: float = 1.0) -> Tensor:
    """Give the noise levels of times from 1, which is noise alone, to 0, times a factor."""

    def signal(time: Tensor) -> Tensor:
        return ((time + _COSINE_START) / (1 + _COSINE_START) * (math.pi / 2)).cos() ** 2

    share = (signal(time) / signal(torch.zeros(()))).clamp(_LEAST_SHARE, 1 - _LEAST_SHARE)
    least, most = (math.sqrt(one / (1 - one)) for one in (_LEAST_SHARE, 1 - _LEAST_SHARE))
    return (shift * ((1 - share) / share).sqrt()).clamp(least, most)


def cosine_time(sigma: Tensor) -> Tensor:
    """Give the times of noise levels."""
    first = math.cos(_COSINE_START / (1 + _COSINE_START) * math.pi / 2) ** 2
    angle = (first / (1 + sigma**2)).sqrt().acos()
    time = angle * (2 / math.pi) * (1 + _COSINE_START) - _COSINE_START
    # All later times have the least signal; a network knows them by the last.
    last = math.sqrt(1 / _LEAST_SHARE - 1) * (1 - 1e-6)
    return torch.where(sigma >= last, torch.ones_like(time), time)
