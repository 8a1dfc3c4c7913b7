"""Whatever can go wrong is said in every language of the editor."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.problem_sentences import Told, all_told

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = sorted(
    path.parent.name for path in (ROOT / "web" / "src" / "texts").glob("*/problems.json")
)
PLACE = re.compile(r"\{\d\}")


@pytest.fixture(scope="module")
def told() -> list[Told]:
    return all_told()


def words(language: str) -> dict[str, Any]:
    path = ROOT / "web" / "src" / "texts" / language / "problems.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_the_sentences_are_found_where_they_are_raised(told: list[Told]) -> None:
    assert len({one.code for one in told}) > 100
    said = {(one.code, text) for one in told for text in one.sentences}
    assert ("node.unknown", "There is no node `{0}`.") in said
    assert ("checkpoint.truncated", "{0} is empty.") in said
    assert (None, "{0} is not a choice. Did you mean {1}?") in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_is_said_in_the_language(language: str, told: list[Told]) -> None:
    known = words(language)["sentences"]
    missing = [
        f"{one.place} ({one.code}): {text}"
        for one in told
        for text in sorted(one.sentences)
        if text not in known
    ]
    assert missing == [], f"Say these in web/src/texts/{language}/problems.json."


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_kept_that_nobody_says(language: str, told: list[Told]) -> None:
    said = {text for one in told for text in one.sentences}
    assert sorted(set(words(language)["sentences"]) - said) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_puts_in_all_that_the_sentence_does(language: str) -> None:
    for part in words(language).values():
        for english, own in part.items():
            assert sorted(PLACE.findall(own)) == sorted(PLACE.findall(english)), english
            assert own, english
