"""Build the byte-pair vocabulary in CLIPTokenizer's format from the words that captions use."""

from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from transformers import CLIPTokenizer

from training.pictures import PLACES, RELATIONS, SIZES
from training.scenes import SCENES
from training.shapes import PALETTE, SHAPES

BEGIN, END, WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"
MAX_LENGTH = 77
# Common words of prompts, so that text from outside the captions splits into few pieces.
OTHER_WORDS = (
    "the and with of to at by for from picture image photo painting drawing art style bright dark "
    "light color colour big tiny two three many water beach forest mountain river flower cat dog "
    "bird man woman face old new beautiful detailed simple plain blurry low high quality bad good"
)


def _byte_letters() -> list[str]:
    """Return the printable stand-ins of the 256 bytes, in the order that GPT-2 and CLIP use."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shifted = range(256, 256 + 256 - len(printable))
    return [chr(code) for code in (*printable, *shifted)]


def _words() -> list[str]:
    phrases = ["a an on background", *SHAPES, *PALETTE, *SIZES, *PLACES, *RELATIONS, *SCENES]
    return sorted({word for phrase in (*phrases, OTHER_WORDS) for word in phrase.split()})


def _merges(words: list[str]) -> list[tuple[str, str]]:
    """Join the most frequent neighbours until every word is one piece."""
    pieces = [[*word[:-1], word[-1] + WORD_END] for word in words]
    merges: list[tuple[str, str]] = []
    while True:
        counts = Counter(neighbours for word in pieces for neighbours in pairwise(word))
        if not counts:
            return merges
        best = max(counts, key=lambda neighbours: (counts[neighbours], neighbours))
        merges.append(best)
        pieces = [_joined(word, best) for word in pieces]


def _joined(word: list[str], neighbours: tuple[str, str]) -> list[str]:
    result: list[str] = []
    for piece in word:
        if result and (result[-1], piece) == neighbours:
            result[-1] += piece
        else:
            result.append(piece)
    return result


@cache
def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return token ids and merges; the last two ids are the beginning and the end of a text."""
    letters = _byte_letters()
    merges = _merges(_words())
    tokens = [*letters, *(letter + WORD_END for letter in letters)]
    tokens += [first + second for first, second in merges]
    tokens = [*dict.fromkeys(tokens), BEGIN, END]
    return {token: index for index, token in enumerate(tokens)}, merges


@cache
def tokenizer() -> CLIPTokenizer:
    """Return the tokenizer; text is padded with its own end, as Stable Diffusion does."""
    vocab, merges = vocabulary()
    # Annotated as strings, but pairs are what it takes.
    pairs: Any = merges
    return CLIPTokenizer(vocab=vocab, merges=pairs, model_max_length=MAX_LENGTH)


def encode(captions: list[str]) -> torch.Tensor:
    """Return token ids (B, 77)."""
    encoded = tokenizer()(
        captions, padding="max_length", truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
    )
    ids: torch.Tensor = encoded.input_ids
    return ids
