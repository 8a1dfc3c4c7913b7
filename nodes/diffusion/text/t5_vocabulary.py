"""T5's vocabulary: found beside the encoder, since it is too large to ship with every clone.

It comes as a SentencePiece model or as a tokenizer of the tokenizers library. Kudo and Richardson
2018, SentencePiece, arXiv:1808.06226.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import Unigram

from nodes.errors import FileProblem

# Under these names it is looked for; the first are told apart from CLIP's.
NAMES = ("t5_tokenizer.json", "spiece.model", "tokenizer.json")
_FOLDERS = ("text_encoders", "clip", "text_encoder")
_END, _PAD, _UNKNOWN = "</s>", "<pad>", "<unk>"


@dataclass(frozen=True, eq=False)
class T5Vocabulary:
    """A vocabulary in the form of T5's.

    Attributes:
        length: Ids that a text is filled up to; a longer one keeps its length.
        end: Id of the mark after the text; there is none before it.
        pad: Id that fills up to `length`.
        padding: Ids of filling that every text gets at the least.
    """

    _tokenizer: Tokenizer
    length: int
    end: int
    pad: int
    padding: int = 0
    start: None = None

    @property
    def size(self) -> int:
        """Count its tokens."""
        return self._tokenizer.get_vocab_size(with_added_tokens=False)

    def ids(self, text: str) -> tuple[int, ...]:
        """Look up a text, without the mark at its end."""
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)


def find_t5_vocabulary(model: Path, length: int) -> T5Vocabulary:
    """Read the vocabulary that lies beside a model's file or among the text encoders.

    Args:
        model: A file, or a folder that a pipeline keeps it in.
        length: What texts are filled up to.

    Raises:
        FileProblem: If there is none, or it is not what its name says.
    """
    folders = [model] if model.is_dir() else [model.parent]
    folders += [parent / name for parent in model.parents[:4] for name in _FOLDERS]
    for name in NAMES:
        for folder in folders:
            if (folder / name).is_file():
                return read_t5_vocabulary(folder / name, length)
    raise FileProblem(
        f"The T5 text encoder of {model.name} needs its vocabulary, which no file of weights "
        "brings along.",
        "Fetch spiece.model of T5 (792 kB; it is among the files of google/t5-v1_1-xxl, and in "
        "tokenizer_2 of Flux and tokenizer_3 of Stable Diffusion 3) and put it into "
        "models/text_encoders.",
        "checkpoint.tokenizer",
    )


def read_t5_vocabulary(path: Path, length: int) -> T5Vocabulary:
    """Read a SentencePiece model, or a tokenizer as JSON.

    Raises:
        FileProblem: If the file is something else.
    """
    try:
        if path.suffix == ".json":
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
            tokenizer.no_padding()
            tokenizer.no_truncation()
        else:
            tokenizer = _from_sentencepiece(path.read_bytes())
        end, pad = tokenizer.token_to_id(_END), tokenizer.token_to_id(_PAD)
    # The tokenizers library raises what it likes.
    except Exception as error:
        raise FileProblem(
            f"{path.name} is no vocabulary of T5: {error}.",
            "Fetch spiece.model of T5 again.",
            "checkpoint.tokenizer",
        ) from error
    if end is None or pad is None:
        raise FileProblem(
            f"{path.name} is the vocabulary of another model: T5's has {_PAD} and {_END}.",
            "Put T5's spiece.model beside it; it comes first.",
            "checkpoint.tokenizer",
        )
    return T5Vocabulary(tokenizer, length, end, pad)


def _from_sentencepiece(data: bytes) -> Tokenizer:
    """Read the two things that count: pieces with their scores, and how text is normalised."""
    pieces: list[tuple[str, float]] = []
    characters = b""
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            piece = dict(_fields(value))
            text, score = piece.get(1), piece.get(2, b"\0" * 4)
            if not isinstance(text, bytes) or not isinstance(score, bytes):
                raise ValueError("a piece has no text")
            pieces.append((text.decode("utf-8"), struct.unpack("<f", score)[0]))
        elif number == 3 and isinstance(value, bytes):
            found = dict(_fields(value)).get(2, b"")
            characters = found if isinstance(found, bytes) else b""
    words = [text for text, _ in pieces]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=words.index(_UNKNOWN), byte_fallback=False))
    if characters:
        tokenizer.normalizer = normalizers.Precompiled(characters)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    return tokenizer


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """List the fields of a Protocol Buffers message: number, and value as it is stored."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == 0:
            whole, place = _varint(message, place)
            yield tag >> 3, whole
            continue
        if kind == 2:
            size, place = _varint(message, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("it is no SentencePiece model")
        if place + size > len(message):
            raise ValueError("it is cut off")
        yield tag >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message):
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise ValueError("it is cut off")
