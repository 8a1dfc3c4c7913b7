"""Batches come to the count that is asked for."""

import torch

from nodes.imaging.batches import as_many


def test_elements_repeat_in_turn_and_surplus_ones_are_cut_off() -> None:
    batch = torch.arange(2.0).reshape(2, 1, 1)
    assert as_many(batch, 5).flatten().tolist() == [0, 1, 0, 1, 0]
    assert as_many(batch, 1).flatten().tolist() == [0]
    assert as_many(batch, 2) is batch
