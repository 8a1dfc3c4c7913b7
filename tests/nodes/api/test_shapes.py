"""Rules for sizes of outputs."""

from typing import Any

import pytest

from nodes.api.shapes import check_rule, evaluate, evaluate_shape

INPUTS = {"width": 512, "scale": 1.5, "flag": True, "name": "x"}
SHAPES = {"image": {"width": 100, "height": 51}}


@pytest.mark.parametrize(
    ("rule", "result"),
    [
        (3, 3),
        ("width", 512),
        ("image.height", 51),
        (["//", "width", 8], 64),
        (("round", ("*", "image.height", "scale")), 77),
        (["round", 2.5], 3),
        (["+", 1, 2, 3], 6),
        (["-", 10, 1, 2], 7),
        (["/", 9, 2], 4.5),
        (["max", 1, "image.width"], 100),
        (["min", 1, "image.width"], 1),
    ],
)
def test_a_rule_is_worked_out(rule: Any, result: float) -> None:
    assert evaluate(rule, INPUTS, SHAPES) == result


@pytest.mark.parametrize(
    "rule",
    [
        "missing",
        "mask.width",
        "image.batch",
        "flag",
        "name",
        True,
        None,
        ["/", 1, 0],
        ["?", 1, 2],
        ["+"],
    ],
)
def test_what_cannot_be_known_is_none(rule: Any) -> None:
    assert evaluate(rule, INPUTS, SHAPES) is None


def test_a_shape_has_the_dimensions_that_are_known() -> None:
    rules = {"width": ["*", "image.width", "scale"], "height": "mask.height", "batch": 2}
    assert evaluate_shape(rules, INPUTS, SHAPES) == {"width": 150, "batch": 2}


def test_rules_are_held_to_the_inputs() -> None:
    names = frozenset(INPUTS) | frozenset(SHAPES)
    assert check_rule(["+", ("*", "width", 2), "image.width"], names) is None
    assert check_rule(["+", "width", "depth"], names) == "there is no input 'depth'"
