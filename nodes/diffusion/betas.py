"""The noise of discrete forward processes: the variances that their steps add, and their levels.

Step t makes x_t = sqrt(1 - beta_t) x_(t - 1) + sqrt(beta_t) noise (Ho et al. 2020,
arXiv:2006.11239, equation 2). After it, x_t = sqrt(a_t) x0 + sqrt(1 - a_t) noise with a_t the
product of all 1 - beta so far, and x_t / sqrt(a_t) is at the noise level sqrt((1 - a_t) / a_t).
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

BetaSchedule = Literal["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"]
BETA_SCHEDULES: tuple[BetaSchedule, ...] = get_args(BetaSchedule)

# The cumulative alpha that stands for zero at the end of a zero-terminal-SNR schedule: sigma is
# then 4518, which is as good as infinite and still a number.
ZERO_SNR_ALPHA = 4.8973451890853435e-08


def betas(schedule: BetaSchedule, start: float, end: float, steps: int) -> Tensor:
    """Give the variances that a discrete forward process adds at each step: (steps,) float64.

    `linear` and `scaled_linear` (linear in the root) are of Ho et al. 2020, arXiv:2006.11239, and
    Rombach et al. 2022, arXiv:2112.10752; `squaredcos_cap_v2` is the cosine of Nichol and Dhariwal
    2021, arXiv:2102.09672, equation 17; `sigmoid` is of Xu et al. 2022, arXiv:2203.02923.
    """
    if schedule == "linear":
        return torch.linspace(start, end, steps, dtype=torch.float64)
    if schedule == "scaled_linear":
        return torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64) ** 2
    if schedule == "sigmoid":
        places = torch.linspace(-6, 6, steps, dtype=torch.float64)
        return torch.sigmoid(places) * (end - start) + start
    if schedule == "squaredcos_cap_v2":
        t = torch.arange(steps + 1, dtype=torch.float64) / steps
        alphas = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
        return (1 - alphas[1:] / alphas[:-1]).clamp(max=0.999)
    raise ValueError(
        f"There is no beta schedule {schedule!r}: {', '.join(BETA_SCHEDULES)} are known."
    )


def with_zero_snr(sigmas: Tensor) -> Tensor:
    """Stretch a table of noise levels so that the last is pure noise and the first stays.

    Lin et al. 2023, arXiv:2305.08891, algorithm 1: sqrt(a) is shifted and scaled.
    """
    root = (1 / (1 + sigmas**2)).sqrt()
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    alphas = root**2
    alphas[-1] = ZERO_SNR_ALPHA
    return ((1 - alphas) / alphas).sqrt()
