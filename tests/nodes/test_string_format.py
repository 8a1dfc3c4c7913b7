"""Values are put into texts, and nothing else can be reached from there."""

import pytest

from nodes.errors import NodeError
from nodes.string_format import string_format


@pytest.mark.parametrize(
    ("text", "value", "made"),
    [
        ("{a}", 3, "3"),
        ("{a:.2f}!", 1.5, "1.50!"),
        ("{a!r} {{x}}", "hi", "'hi' {x}"),
        ("{a:>5}|{a:<5}|", "x", "    x|x    |"),
        ("{a:,}", 1_234_567, "1,234,567"),
        ("no field", 1, "no field"),
        ("{a:{a}}", 4, "   4"),
    ],
)
def test_a_text_is_formatted_by_pythons_rules(text: str, value: object, made: str) -> None:
    assert string_format(text, value) == made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{b}", "no value for b"),
        ("{}", "no value for"),
        ("{a.__class__}", "no value for a.__class__"),
        ("{a[0]}", "no value for"),
        ("{a", "cannot be formatted"),
        ("{a:>99999999999}", "at most 4096 places"),
        ("{a:>4097}", "at most 4096 places"),
        ("{a:q}", "cannot be formatted"),
    ],
)
def test_a_text_that_cannot_be_formatted_is_told(text: str, said: str) -> None:
    with pytest.raises(NodeError) as told:
        string_format(text, "x")
    assert said in told.value.message


def test_only_texts_and_numbers_are_put_in() -> None:
    with pytest.raises(NodeError, match="b is neither"):
        string_format("{a}", "x", object())
