"""Words become the ids that CLIP was trained on."""

import json
from pathlib import Path

import pytest

from nodes.diffusion.text.tokenizer import clip_vocabulary, read_vocabulary, vocabulary
from tests.nodes.diffusion.tiny_models import tiny_vocabulary


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a photo of a cat", (320, 1125, 539, 320, 2368)),
        ("A red circle on a blue background", (320, 736, 7117, 525, 320, 1746, 5994)),
        ("  A   PHOTO\n of a cat ", (320, 1125, 539, 320, 2368)),
        ("", ()),
    ],
)
def test_clip_ids_are_the_published_ones(text: str, ids: tuple[int, ...]) -> None:
    assert clip_vocabulary().ids(text) == ids


def test_clip_marks_and_padding() -> None:
    words = clip_vocabulary()
    assert (words.start, words.end, words.pad, words.length) == (49406, 49407, 49407, 77)
    assert clip_vocabulary(pad="!").pad == 0


def test_any_text_has_ids_within_the_vocabulary() -> None:
    ids = clip_vocabulary().ids("naïve café — “quotes” 中文 🙂 \x00 don't 1234")
    assert ids
    assert all(0 <= token < 49406 for token in ids)


def test_a_long_text_is_not_cut() -> None:
    assert len(clip_vocabulary().ids("cat " * 500)) == 500


def test_a_vocabulary_of_ones_own() -> None:
    own = tiny_vocabulary()
    words = vocabulary(own["vocab"], [(left, right) for left, right in own["merges"]])
    assert words.ids("ab a abab") == (37, 18, 36, 37)
    assert (words.start, words.end) == (38, 39)


def test_a_vocabulary_is_read_from_a_diffusers_folder(tmp_path: Path) -> None:
    own = tiny_vocabulary()
    (tmp_path / "vocab.json").write_text(json.dumps(own["vocab"]), encoding="utf-8")
    merges = ["#version: 0.2", *(" ".join(pair) for pair in own["merges"]), ""]
    (tmp_path / "merges.txt").write_text("\n".join(merges), encoding="utf-8")
    assert read_vocabulary(tmp_path).ids("ab") == (37,)
    assert read_vocabulary(tmp_path).pad == 39
    settings = {"pad_token": {"content": "a"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    assert read_vocabulary(tmp_path).pad == 0
