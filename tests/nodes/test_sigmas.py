"""Noise levels that are written down."""

import pytest

from nodes.errors import NodeError
from nodes.sigmas import manual_sigmas


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("1, 0.5", [1, 0.5]),
        ("[14.6 2e-1;\n.05, 0.]", [14.6, 0.2, 0.05, 0]),
        ("from 3 to -1", [3, -1]),
    ],
)
def test_numbers_are_read_out_of_a_text(text: str, levels: list[float]) -> None:
    assert manual_sigmas(text).values.tolist() == pytest.approx(levels)


def test_a_text_without_numbers_is_told() -> None:
    with pytest.raises(NodeError, match="no number"):
        manual_sigmas("none")
