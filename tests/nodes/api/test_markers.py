"""Markers: what they refuse, and that they cross as JSON."""

import json
from typing import Any

import pytest

from nodes.api import Choice, Colour, File, FileName, Label, Marker, Multiline, Range, Seed
from nodes.api.markers import did_you_mean, marker_from_json

ALL: list[Marker] = [
    Range(0, 1),
    Range(-5, 5, step=0.5),
    Choice(["a", "b"]),
    File("checkpoints"),
    File("input", upload=True),
    FileName(),
    Seed(),
    Multiline(),
    Multiline(mentions="embeddings"),
    Colour(),
    Label("Words"),
]


@pytest.mark.parametrize("marker", ALL, ids=repr)
def test_a_marker_crosses_as_json(marker: Marker) -> None:
    assert marker_from_json(json.loads(json.dumps(marker.describe()))) == marker


@pytest.mark.parametrize(
    ("marker", "value"),
    [
        (Range(0, 1), 1),
        (Seed(), 2**64 - 1),
        (Choice(["a"]), "a"),
        (File("input"), "sub/a b.png"),
        (FileName(), "%date:yyyy/MM-dd%/a b %width%"),
        (Colour(), "#FF8800"),
        (Colour(), 0xFF8800),
        (Multiline(), "a\nb"),
    ],
)
def test_what_fits_is_accepted(marker: Marker, value: Any) -> None:
    assert marker.check(value) is None


@pytest.mark.parametrize(
    ("marker", "value"),
    [
        (Range(0, 1), 1.01),
        (Range(0, 1), True),
        (Range(0, 1), float("nan")),
        (Seed(), 2**64),
        (Seed(), 1.0),
        (Choice(["a"]), 1),
        (File("input"), ""),
        (File("input"), "../x"),
        (File("input"), "a/../../x"),
        (File("input"), "/etc/passwd"),
        (File("input"), "C:\\x"),
        (File("input"), "..\\x"),
        (File("input"), "a\0b"),
        (FileName(), ""),
        (FileName(), 3),
        (FileName(), "/a"),
        (FileName(), "a/"),
        (FileName(), "a/../b"),
        (FileName(), "a\\b"),
        (FileName(), ".a"),
        (FileName(), "a/.b/c"),
        (FileName(), "a\nb"),
        (FileName(), "a/NUL.b"),
        (FileName(), "ä" * 100),
        (FileName(), "%nobody: knows%"),
        (Colour(), "#ff880"),
        (Colour(), "#ff88zz"),
        (Colour(), 2**24),
        (Multiline(), 3),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(marker: Marker, value: Any) -> None:
    sentence = marker.check(value)
    assert sentence is not None
    assert sentence.endswith(".")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown widget"):
        marker_from_json({"kind": "dial"})


def test_the_nearest_word_is_suggested_whatever_its_case() -> None:
    assert did_you_mean("ksampler", ["VAEDecode", "KSampler"]) == " Did you mean 'KSampler'?"
    assert did_you_mean("zzz", ["VAEDecode", "KSampler"]) == ""
