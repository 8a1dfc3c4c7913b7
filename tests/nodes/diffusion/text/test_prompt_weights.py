"""Prompt weights mean what prompts in the field mean by them."""

import pytest

from nodes.diffusion.text.prompt_weights import weighted


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("a (cat) b", [("a ", 1.0), ("cat", 1.1), (" b", 1.0)]),
        ("a (cat:1.3) b", [("a ", 1.0), ("cat", 1.3), (" b", 1.0)]),
        ("((cat))", [("cat", 1.21)]),
        ("((a) b:1.5)", [("a", 1.65), (" b", 1.5)]),
        ("(a (b:0.5) c:2)", [("a ", 2.0), ("b", 0.5), (" c", 2.0)]),
        ("(a:-0.5)(b: .5 )", [("a", -0.5), ("b", 0.5)]),
        ("(12:30:1.2)", [("12:30", 1.2)]),
        (r"\(a\) (b)", [("(a) ", 1.0), ("b", 1.1)]),
        (r"(a\):1.2)", [("a)", 1.2)]),
        ("a) (b", [("a) (b", 1.0)]),
        ("((a)", [("(", 1.0), ("a", 1.1)]),
        ("(:1.2)", [(":1.2", 1.1)]),
        ("(a:nan)(b:5e-1)(c:1e999)", [("a:nan", 1.1), ("b", 0.5), ("c:1e999", 1.1)]),
        ("()", []),
        ("", []),
    ],
)
def test_weights_are_read(prompt: str, pieces: list[tuple[str, float]]) -> None:
    read = weighted(prompt)
    assert [piece.text for piece in read] == [text for text, _ in pieces]
    assert [piece.weight for piece in read] == pytest.approx([weight for _, weight in pieces])


def test_deep_nesting_is_no_problem() -> None:
    pieces = weighted("(" * 5000 + "a" + ":1.0)" * 5000)
    assert [(piece.text, piece.weight) for piece in pieces] == [("a", 1.0)]
