"""CLIP's byte-pair vocabulary: words to ids, without a network."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"

_SHIPPED = Path(__file__).parent / "vocabulary" / "bpe_simple_vocab_16e6.txt.gz"

# CLIP was trained with this many of the file's merges; 2 × 256 bytes and two marks come before.
_CLIP_MERGES = 49_152 - 256 - 2


@dataclass(frozen=True, eq=False)
class ClipVocabulary:
    """A vocabulary in the form of CLIP's.

    Attributes:
        length: Ids that the text encoder takes at once, marks included.
        start: Id of the mark before the text.
        end: Id of the mark after the text.
        pad: Id that fills up to `length`.
    """

    _tokenizer: CLIPTokenizer
    length: int
    start: int
    end: int
    pad: int

    def ids(self, text: str) -> tuple[int, ...]:
        """Look up a text, without marks; letter case and runs of spaces make no difference."""
        return tuple(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def vocabulary(
    words: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    length: int = 77,
    pad: str = END,
) -> ClipVocabulary:
    """Make a vocabulary out of its words and merges.

    Args:
        words: Id of every token; those that end a word end in `</w>`.
        merges: Pairs of tokens to join, the first first.
        length: Ids that the text encoder takes at once.
        pad: The token that fills up to `length`; SD 1.x uses the end mark.

    Raises:
        KeyError: If a mark is not among the words.
    """
    pairs: Any = list(merges)  # annotated as strings, but tuples are what it takes
    tokenizer = CLIPTokenizer(vocab=dict(words), merges=pairs, model_max_length=length)
    return ClipVocabulary(tokenizer, length, words[START], words[END], words[pad])


@cache
def clip_vocabulary(pad: str = END) -> ClipVocabulary:
    """Read CLIP's own 49,408 tokens, which ship with this module."""
    lines = gzip.decompress(_SHIPPED.read_bytes()).decode("utf-8").split("\n")
    merges = [_pair(line) for line in lines[1 : 1 + _CLIP_MERGES]]
    letters = _byte_letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges), START, END]
    return vocabulary({token: index for index, token in enumerate(tokens)}, merges, pad=pad)


def read_vocabulary(folder: Path, length: int = 77) -> ClipVocabulary:
    """Read `vocab.json` and `merges.txt` of a diffusers folder.

    Raises:
        OSError: If one is missing.
        ValueError: If one is not what its name says.
    """
    words = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [_pair(line) for line in lines if line and not line.startswith("#version")]
    settings = folder / "tokenizer_config.json"
    pad: object = END
    if settings.exists():
        pad = json.loads(settings.read_text(encoding="utf-8")).get("pad_token", END)
    # Older files write the token as an object.
    pad = pad["content"] if isinstance(pad, dict) else pad
    return vocabulary(words, merges, length, str(pad))


def _pair(line: str) -> tuple[str, str]:
    left, right = line.split()
    return left, right


def _byte_letters() -> list[str]:
    """List a printable letter for each byte, in the order in which CLIP numbers them.

    Bytes that print stand for themselves and come first; the others take letters from 256 on.
    """
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    plain += range(ord("®"), ord("ÿ") + 1)
    others = 256 - len(plain)
    return [chr(code) for code in plain] + [chr(256 + index) for index in range(others)]
