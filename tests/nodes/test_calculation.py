"""Calculate gives the number of a formula, and runs nothing else."""

import pytest

from nodes.calculation import math_expression, number_convert
from nodes.errors import NodeError


@pytest.mark.parametrize(
    ("formula", "given", "number"),
    [
        ("a + b", {"a": 2, "b": 0.5}, 2.5),
        ("(a // 32) * 32", {"a": 100.0}, 96),
        ("a & ~1", {"a": 7}, 6),
        ("a & -8", {"a": 1023.0}, 1016),
        ("max(5, round(a * 24)) % 17", {"a": 5.1}, 3),
        ("floor (a * b + 1)", {"a": 1.5, "b": 3}, 5),
        ("ceil(1.5 * log2(max(a, b))) + 2", {"a": 4, "b": 8}, 7),
        ("a % b if b > 0 else 0", {"a": 7, "b": 0}, 0),
        ("(a % 4 == 1) and ((b - 1) % 4 == 0)", {"a": 5, "b": 9}, 1),
        ("1 < a < 3 or 9", {"a": 5}, 9),
        ("not a", {"a": False}, 1),
        ("-a ** 2 + pow(2, 3)", {"a": 3}, -1),
        ("round(2 * pi, 2) - e + e", {"e": 1}, 6.28),
        ("1 << 4 | 1", {}, 17),
    ],
)
def test_a_formula_is_calculated(formula: str, given: dict[str, float], number: float) -> None:
    found = math_expression(formula, **given)
    assert found.float == pytest.approx(number)
    assert found.int == int(number)
    assert found.bool is bool(number)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("a / 0", "divides by 0"),
        ("a + g", "knows no g"),
        ("a +", "cannot be calculated"),
        ("", "cannot be calculated"),
        ("'a' * 3", "cannot be calculated"),
        ("(-8) ** 0.5", "cannot be calculated"),
        ("1.5 & 1", "cannot be calculated"),
        ("a in a", "cannot be calculated"),
        ("2 @ 3", "cannot be calculated"),
        ("sqrt(-1)", "cannot be calculated"),
        ("9 ** 9 ** 9", "too large"),
        ("1 << 99999", "too large"),
        ("round(1, -99999)", "too large"),
        ("1e308 * 10", "too large"),
        ("+".join("a" * 3000), "too long"),
        ("__import__('os').getcwd()", "cannot be calculated"),
        ("a.__class__", "cannot be calculated"),
        ("(lambda: 1)()", "cannot be calculated"),
        ("[1 for _ in [1]]", "cannot be calculated"),
    ],
)
def test_what_is_no_number_is_told(formula: str, said: str) -> None:
    with pytest.raises(NodeError, match=said):
        math_expression(formula, a=1)


def test_what_is_wired_must_be_a_number() -> None:
    with pytest.raises(NodeError, match="b is no number"):
        math_expression("a", a=1, b="2")


@pytest.mark.parametrize(
    ("value", "float_", "int_"),
    [(" 12.7 ", 12.7, 12), ("-3", -3.0, -3), (True, 1.0, 1), (5, 5.0, 5), (-0.9, -0.9, 0)],
)
def test_numbers_are_read_out_of_other_values(value: object, float_: float, int_: int) -> None:
    assert number_convert(value) == (float_, int_)


@pytest.mark.parametrize("value", ["", "twelve", float("inf"), "nan", object()])
def test_what_is_no_number_is_not_converted(value: object) -> None:
    with pytest.raises(NodeError, match="is no number"):
        number_convert(value)
