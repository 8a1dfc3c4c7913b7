"""Strings: what each node makes of a text."""

from collections.abc import Callable

import pytest

from nodes import strings
from nodes.errors import NodeError

LINES = "Red fox\nred Fox 7\nblue"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (strings.string_concatenate("a", "b"), "ab"),
        (strings.string_concatenate("a", "b", ", "), "a, b"),
        (strings.string_substring("picture", 1, 3), "ic"),
        (strings.string_substring("picture", -4, -1), "tur"),
        (strings.string_length("○ ü"), 3),
        (strings.case_converter("a Bc", "UPPERCASE"), "A BC"),
        (strings.case_converter("a Bc", "lowercase"), "a bc"),
        (strings.case_converter("a Bc", "Capitalize"), "A bc"),
        (strings.case_converter("a bc", "Title Case"), "A Bc"),
        (strings.string_trim(" a \n"), "a"),
        (strings.string_trim(" a \n", "Left"), "a \n"),
        (strings.string_trim(" a \n", "Right"), " a"),
        (strings.string_replace("a.b.c", ".", "-"), "a-b-c"),
        (strings.string_contains("Straße", "STRASSE"), False),
        (strings.string_contains("Straße", "STRASSE", False), True),
        (strings.string_compare("Abc", "A"), True),
        (strings.string_compare("Abc", "a"), False),
        (strings.string_compare("Abc", "C", "Ends With", False), True),
        (strings.string_compare("Abc", "abc", "Equal", False), True),
        (strings.string_compare("Abc", "ab", "Equal", False), False),
    ],
)
def test_a_text_becomes(made: object, expected: object) -> None:
    assert made == expected


@pytest.mark.parametrize(
    ("pattern", "options", "expected"),
    [
        ("RED", {}, True),
        ("RED", {"case_insensitive": False}, False),
        ("^blue", {}, False),
        ("^blue", {"multiline": True}, True),
        ("fox.red", {}, False),
        ("fox.red", {"dotall": True}, True),
    ],
)
def test_a_pattern_is_found(pattern: str, options: dict[str, bool], expected: bool) -> None:
    assert strings.regex_match(LINES, pattern, **options) is expected


@pytest.mark.parametrize(
    ("mode", "group", "expected"),
    [
        ("First Match", 1, "Red fox"),
        ("All Matches", 1, "Red fox\nred Fox"),
        ("First Group", 2, "fox"),
        ("All Groups", 1, "Red\nred"),
        ("First Group", 0, "Red fox"),
        ("All Groups", 3, ""),
    ],
)
def test_what_a_pattern_matches_is_taken_out(mode: str, group: int, expected: str) -> None:
    assert strings.regex_extract(LINES, "(red) (fox)", mode, group_index=group) == expected


def test_what_is_not_found_is_nothing() -> None:
    for mode in ("First Match", "All Matches", "First Group", "All Groups"):
        assert strings.regex_extract(LINES, "(green)", mode) == ""
    assert strings.regex_extract("b", "(a)?b", "First Group") == ""


def test_what_a_pattern_matches_is_replaced() -> None:
    assert strings.regex_replace("a1b22", r"\d+", "#") == "a#b#"
    assert strings.regex_replace("a1b22", r"\d+", "#", count=1) == "a#b22"
    assert strings.regex_replace("ab", "(a)(b)", r"\2\1") == "ba"


@pytest.mark.parametrize(
    "call",
    [
        lambda: strings.regex_match("a", "("),
        lambda: strings.regex_extract("a", "("),
        lambda: strings.regex_replace("a", "(", ""),
        lambda: strings.regex_replace("a", "a", r"\9"),
    ],
)
def test_a_pattern_that_is_none_is_told(call: Callable[[], object]) -> None:
    with pytest.raises(NodeError, match="cannot be read"):
        call()


@pytest.mark.parametrize(
    ("data", "key", "found"),
    [
        ('{"a": "b ○"}', "a", "b ○"),
        ('{"steps": 20}', "steps", "20"),
        ('{"a": {"b": "ü", "c": [1, true]}}', "a", '{"b": "ü", "c": [1, true]}'),
    ],
)
def test_what_json_has_under_a_key_is_taken(data: str, key: str, found: str) -> None:
    assert strings.json_extract_string(data, key) == found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{a", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[1]", "nothing under 'a'"),
        ("{}", "nothing"),
    ],
)
def test_json_without_the_key_is_told(data: str, said: str) -> None:
    with pytest.raises(NodeError, match=said):
        strings.json_extract_string(data, "a")
