"""Results that are numbers: broken weights, or a dtype too small for them, are told at once."""

import torch
from torch import Tensor

from nodes.imaging.tiles import STRIPE

HINT = (
    "Its file may be damaged: download it again. If it draws on another computer, start Weft with"
    " --dtype float32, or lower cfg."
)


def broken(values: Tensor, maker: str) -> str:
    """Say what is wrong with values of any shape; nothing where all are numbers.

    Args:
        values: What was made, (…, H, W).
        maker: What made them, as the user knows it.
    """
    # In stripes, since what says so of each value would be as large as the values once more.
    whole = all(stripe.isfinite().all() for stripe in torch.split(values, STRIPE, dim=-2))
    return "" if whole else f"{maker} gave values that are not numbers."
