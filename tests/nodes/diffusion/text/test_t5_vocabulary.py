"""T5's vocabulary is found and read as SentencePiece or as JSON, or asked for in a sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nodes.diffusion.text.t5_vocabulary import find_t5_vocabulary, read_t5_vocabulary
from nodes.errors import FileProblem
from tests.nodes.diffusion.t5_files import NUMBER, write_spiece, write_tokenizer_json

WRITERS: list[Callable[[Path], Path]] = [write_spiece, write_tokenizer_json]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a red cat", ["▁a", "▁red", "▁cat"]),
        ("cats", ["▁cat", "s"]),
        ("  a   photo\na cat", ["▁a", "▁photo", "▁a", "▁cat"]),
        ("dog", ["▁", "d", "o", "g"]),
        ("é", ["▁", "<unk>"]),
        ("", []),
    ],
)
def test_texts_become_their_likeliest_pieces(
    tmp_path: Path, write: Callable[[Path], Path], text: str, pieces: list[str]
) -> None:
    words = read_t5_vocabulary(write(tmp_path), 77)
    assert words.ids(text) == tuple(NUMBER[piece] for piece in pieces)
    assert (words.start, words.end, words.pad, words.length) == (None, 1, 0, 77)
    assert words.size == len(NUMBER)


def test_a_long_text_is_not_cut(tmp_path: Path) -> None:
    words = read_t5_vocabulary(write_tokenizer_json(tmp_path), 77)
    assert len(words.ids("a " * 500)) >= 500


@pytest.mark.parametrize("place", ["text_encoders", "clip", "checkpoints"])
def test_it_is_found_beside_the_model_or_among_the_text_encoders(
    tmp_path: Path, place: str
) -> None:
    write_spiece(tmp_path / place)
    model = tmp_path / "checkpoints" / "flux.safetensors"
    assert find_t5_vocabulary(model, 77).ids("cats") == (NUMBER["▁cat"], NUMBER["s"])


def test_a_vocabulary_that_says_whose_it_is_comes_first(tmp_path: Path) -> None:
    write_tokenizer_json(tmp_path, "t5_tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert find_t5_vocabulary(tmp_path / "t5.safetensors", 77).ids("a") == (NUMBER["▁a"],)


def test_none_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="needs its vocabulary") as caught:
        find_t5_vocabulary(tmp_path / "t5xxl_fp16.safetensors", 77)
    assert "spiece.model" in caught.value.hint
    assert "models/text_encoders" in caught.value.hint
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("tokenizer.json", b"[]", "is no vocabulary of T5"),
        ("spiece.model", b"\x0a\xff\x01abc", "it is cut off"),
        ("spiece.model", b"\x0f", "it is no SentencePiece model"),
        ("spiece.model", b"\x0a\x02\x18\x01", "a piece has no text"),
        ("spiece.model", b"", "is no vocabulary of T5"),
    ],
)
def test_other_files_are_told(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=sentence):
        read_t5_vocabulary(path, 77)


def test_the_vocabulary_of_another_model_is_told(tmp_path: Path) -> None:
    path = write_tokenizer_json(tmp_path)
    text = path.read_text(encoding="utf-8").replace("</s>", "<|end|>")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileProblem, match="another model: T5's has <pad> and </s>"):
        read_t5_vocabulary(path, 77)
