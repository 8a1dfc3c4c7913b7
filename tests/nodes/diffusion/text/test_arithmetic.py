"""Arithmetic of conditionings."""

import pytest
import torch

from nodes.diffusion.text import arithmetic as prompts
from nodes.errors import NodeError
from nodes.types import Cond, Conditioning


def text(
    value: float, tokens: int = 2, width: int = 3, pooled: float | None = None
) -> Conditioning:
    summary = None if pooled is None else torch.full((1, 2), pooled)
    return Conditioning((Cond(torch.full((1, tokens, width), value), summary),))


def test_concatenation_lengthens_every_part() -> None:
    both = Conditioning(text(1).parts + text(2, tokens=5).parts)
    long = prompts.concatenated(both, text(3, tokens=4))
    assert [part.embeds.shape[1] for part in long.parts] == [6, 9]
    assert long.parts[0].embeds[0, :, 0].tolist() == [1, 1, 3, 3, 3, 3]


def test_an_average_mixes_by_its_share_and_fills_with_nothing() -> None:
    mixed = prompts.averaged(text(4, tokens=3, pooled=1.0), text(8, tokens=2, pooled=3.0), 0.75)
    assert mixed.parts[0].embeds[0, :, 0].tolist() == [5, 5, 3]
    assert mixed.parts[0].pooled is not None
    assert mixed.parts[0].pooled[0, 0] == 1.5


def test_an_average_takes_the_summary_that_there_is() -> None:
    mixed = prompts.averaged(text(4), text(8, pooled=3.0), 0.5)
    assert mixed.parts[0].pooled is not None
    assert mixed.parts[0].pooled[0, 0] == 3


def test_zeros_replace_text_and_summary() -> None:
    nothing = prompts.zeroed(text(4, pooled=2.0)).parts[0]
    assert nothing.embeds.abs().max() == 0
    assert nothing.pooled is not None
    assert nothing.pooled.abs().max() == 0


def test_texts_of_different_encoders_do_not_mix() -> None:
    with pytest.raises(NodeError, match="3 and 5 numbers a token"):
        prompts.averaged(text(1), text(1, width=5), 0.5)
    with pytest.raises(NodeError, match="3 and 5 numbers a token"):
        prompts.concatenated(text(1), text(1, width=5))


def test_an_empty_conditioning_is_refused_in_words() -> None:
    with pytest.raises(NodeError, match="empty"):
        prompts.concatenated(text(1), Conditioning(()))
