"""Batches of pictures, masks or latents brought to one count."""

from torch import Tensor


def as_many(batch: Tensor, count: int) -> Tensor:
    """Repeat the elements of a batch (B, ...) in turn until there are `count`; cut off the rest."""
    if len(batch) == count:
        return batch
    times = -(-count // len(batch))
    return batch.repeat(times, *[1] * (batch.ndim - 1))[:count]
