"""Results that are numbers: broken weights, or a dtype too small for them, are told at once."""

from torch import Tensor

from nodes.errors import NodeError


def finite(values: Tensor, maker: str) -> Tensor:
    """Give the values back, seen to be numbers.

    Args:
        values: Of any shape.
        maker: What made them, as the user knows it.

    Raises:
        NodeError: `model.not_finite`, if some are infinite or no numbers.
    """
    if not values.isfinite().all():
        raise NodeError(
            f"{maker} gave values that are not numbers.",
            "Its file may be damaged: download it again. If it draws on another computer, start"
            " Weft with --dtype float32, or lower cfg.",
            "model.not_finite",
        )
    return values
