"""The quiet context: nodes run without a host, but save nothing."""

import pytest

from nodes.api import QUIET
from nodes.errors import FileProblem, NodeError


def test_steps_pass_through() -> None:
    assert list(QUIET.part(0, 0.5).track([1, 2, 3])) == [1, 2, 3]


def test_a_model_is_resident_as_it_is() -> None:
    model = object()
    with QUIET.resident(model) as held:
        assert held is model


def test_nothing_is_encoded_for_nobody() -> None:
    def encode() -> bytes:
        raise AssertionError("nobody looks")

    QUIET.preview(encode)
    QUIET.warn("Nobody hears.")


def test_saving_and_reading_are_refused_in_a_sentence() -> None:
    with pytest.raises(NodeError, match="nowhere to save"):
        QUIET.save(lambda path, texts: None, prefix="x", suffix=".png", mime="image/png")
    with pytest.raises(FileProblem, match=r"no file 'a\.png' in input"):
        QUIET.files.path("input", "a.png")
    assert QUIET.files.names("input") == []
