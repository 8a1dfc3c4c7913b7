"""Textual inversions: words that a text encoder learns from a file, `embedding:name` in a prompt.

Gal et al. 2022, An Image is Worth One Word: Personalizing Text-to-Image Generation using Textual
Inversion, arXiv:2208.01618. Such a word stands for vectors that take the place of tokens' own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from nodes.diffusion.files.checkpoint_file import read_header, read_weights
from nodes.diffusion.files.pickled_file import PICKLED, read_pickled
from nodes.diffusion.memory.modules import copy_sharing
from nodes.errors import FileProblem, NodeError
from nodes.types import Clip, Tokenizer

# Vectors (n, width) by their width: an encoder takes those as wide as its own.
Embedding: TypeAlias = Mapping[int, Tensor]

# What trainers call the vectors; other names are words, of which a file holds one.
_VECTORS = ("emb_params", "clip_l", "clip_g")


def read_embedding(path: Path) -> Embedding:
    """Read a textual inversion.

    Raises:
        FileProblem: If the file is something else.
    """
    tensors = _tensors(path)
    chosen = [tensors[name] for name in _VECTORS if name in tensors]
    chosen = chosen or (list(tensors.values()) if len(tensors) == 1 else [])
    vectors = [each if each.ndim == 2 else each[None] for each in chosen if each.ndim in (1, 2)]
    if not vectors or len(vectors) != len(chosen):
        raise FileProblem(
            f"{path.name} is no embedding of a kind that is known here.",
            "Choose a textual inversion of Stable Diffusion 1, 2 or XL.",
            "embedding.kind",
        )
    return {each.shape[1]: each for each in vectors}


def _tensors(path: Path) -> Mapping[str, Tensor]:
    if path.suffix.lower() not in PICKLED:
        read_header(path)
        return read_weights(path, lambda _: True)
    content = read_pickled(path)
    # Trainers of Stable Diffusion 1's time put the vectors beside what they say of the training.
    held = content.get("string_to_param", content)
    found = held.items() if isinstance(held, Mapping) else ()
    return {str(name): each.detach() for name, each in found if isinstance(each, Tensor)}


def with_embeddings(clip: Clip, found: Mapping[str, Embedding]) -> Clip:
    """Teach text encoders words; the encoders that came in stay as they are.

    An encoder passes over a word that has no vectors for it, unless no other has either. T5 knows
    no such words.

    Args:
        clip: On the device to compute on.
        found: Embeddings by the words that stand for them in prompts.

    Raises:
        NodeError: If an embedding is for other encoders.
    """
    if not found:
        return clip
    widths = {width for each in (clip.encoder, clip.second) if (width := _width(each))}
    for word, embedding in found.items():
        if not widths & embedding.keys():
            raise NodeError(
                f"{word} has vectors of {min(embedding)} numbers, and the text encoder reads "
                f"{' and '.join(map(str, sorted(widths))) or 'no such words'}.",
                "Choose one that was made for the model's family.",
                "embedding.family",
            )
    encoder, tokenizer = _taught(clip.encoder, clip.tokenizer, found)
    clip = replace(clip, encoder=encoder, tokenizer=tokenizer)
    if clip.second is not None and clip.second_tokenizer is not None:
        second, words = _taught(clip.second, clip.second_tokenizer, found)
        clip = replace(clip, second=second, second_tokenizer=words)
    return clip


@dataclass(frozen=True, eq=False)
class TaughtVocabulary:
    """A vocabulary with words beside its own, whose ids are below zero."""

    own: Tokenizer
    taught: Mapping[str, tuple[int, ...]]

    @property
    def length(self) -> int:
        """As in the vocabulary's own."""
        return self.own.length

    @property
    def start(self) -> int | None:
        """As in the vocabulary's own."""
        return self.own.start

    @property
    def end(self) -> int:
        """As in the vocabulary's own."""
        return self.own.end

    @property
    def pad(self) -> int:
        """As in the vocabulary's own."""
        return self.own.pad

    def ids(self, text: str) -> tuple[int, ...]:
        """Look up a text, without marks."""
        longest_first = sorted(self.taught, key=len, reverse=True)
        words = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        found: list[int] = []
        # Every second part is one of the words.
        for place, part in enumerate(words.split(text)):
            found += self.taught[part] if place % 2 else self.own.ids(part)
        return tuple(found)


class _TaughtWords(nn.Module):
    """An encoder's table of tokens, with vectors for ids below zero: -1 is the first."""

    vectors: Tensor

    def __init__(self, own: Any, vectors: Tensor) -> None:
        super().__init__()
        self.own = own
        self.register_buffer("vectors", vectors, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Look ids (B, T) up: (B, T, C)."""
        known: Tensor = self.own(ids.clamp(min=0))
        taught = self.vectors.to(known)[(-ids - 1).clamp(min=0)]
        return torch.where((ids < 0)[..., None], taught, known)


def _taught(
    encoder: nn.Module, tokenizer: Tokenizer, found: Mapping[str, Embedding]
) -> tuple[nn.Module, Tokenizer]:
    """Give an encoder and its vocabulary words, if they have vectors for it."""
    width = _width(encoder)
    if not width:
        return encoder, tokenizer
    rows: list[Tensor] = []
    taught: dict[str, tuple[int, ...]] = {}
    for word, embedding in found.items():
        vectors = embedding.get(width, torch.zeros(0, width))
        first = sum(map(len, rows))
        taught[word] = tuple(-1 - (first + index) for index in range(len(vectors)))
        rows.append(vectors.float())
    vocabulary = TaughtVocabulary(tokenizer, taught)
    if not any(taught.values()):
        return encoder, vocabulary
    copy: Any = copy_sharing(encoder)
    words = copy.embeddings.token_embedding
    copy.embeddings.token_embedding = _TaughtWords(words, torch.cat(rows))
    return copy, vocabulary


def _width(encoder: Any) -> int:
    """Tell how wide the vectors of a CLIP's words are; 0 for other encoders."""
    return int(encoder.config.hidden_size) if hasattr(encoder, "embeddings") else 0
