"""Porter and Duff's rules, by their table."""

import pytest
import torch

from nodes.compositing import porter_duff_image_composite
from nodes.types import Image, Mask

RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def composed(
    mode: str, over: float = 1.0, under: float = 1.0, above: tuple[float, ...] = RED
) -> tuple[list[float], float]:
    """Lay one colour, `over` opaque, on blue, `under` opaque; give colour and opacity."""
    colours = [torch.tensor(c).reshape(1, 3, 1, 1) for c in (above, BLUE)]
    alphas = [Mask(torch.full((1, 1, 1, 1), 1 - opacity)) for opacity in (over, under)]
    made = porter_duff_image_composite(
        Image(colours[0]), alphas[0], Image(colours[1]), alphas[1], mode
    )
    return made.image.pixels.flatten().tolist(), 1 - made.mask.values.item()


@pytest.mark.parametrize(
    ("mode", "both", "only_source", "only_destination"),
    [
        ("CLEAR", 0, 0, 0),
        ("SRC", RED, RED, 0),
        ("DST", BLUE, 0, BLUE),
        ("SRC_OVER", RED, RED, BLUE),
        ("DST_OVER", BLUE, RED, BLUE),
        ("SRC_IN", RED, 0, 0),
        ("DST_IN", BLUE, 0, 0),
        ("SRC_OUT", 0, RED, 0),
        ("DST_OUT", 0, 0, BLUE),
        ("SRC_ATOP", RED, 0, BLUE),
        ("DST_ATOP", BLUE, RED, 0),
        ("XOR", 0, RED, BLUE),
        ("ADD", (1.0, 0.0, 1.0), RED, BLUE),
        ("SCREEN", (1.0, 0.0, 1.0), RED, BLUE),
        ("LIGHTEN", (1.0, 0.0, 1.0), RED, BLUE),
        ("DARKEN", (0.0, 0.0, 0.0), RED, BLUE),
        ("MULTIPLY", (0.0, 0.0, 0.0), 0, 0),
        ("OVERLAY", (0.0, 0.0, 1.0), RED, BLUE),
    ],
)
def test_what_is_seen_where_both_are_and_where_one_is(
    mode: str, both: object, only_source: object, only_destination: object
) -> None:
    for opacities, expected in (
        ((1.0, 1.0), both),
        ((1.0, 0.0), only_source),
        ((0.0, 1.0), only_destination),
        ((0.0, 0.0), 0),
    ):
        colours, opacity = composed(mode, *opacities)
        seen = tuple(colours) if opacity else 0
        assert seen == expected, opacities


def test_half_transparent_red_over_blue_is_mixed_by_opacity() -> None:
    colours, opacity = composed("SRC_OVER", 0.5, 0.5)
    assert opacity == pytest.approx(0.75)
    # 0.5 red and 0.25 blue, divided by 0.75.
    assert colours == pytest.approx([2 / 3, 0, 1 / 3])


def test_blends_are_mixed_in_where_both_are() -> None:
    grey = (0.5, 0.5, 0.5)
    colours, opacity = composed("SCREEN", 0.5, 1.0, grey)
    assert opacity == pytest.approx(1)
    # Half blue as it is, half the screen of grey and blue.
    assert colours == pytest.approx([0.25, 0.25, 1.0])
