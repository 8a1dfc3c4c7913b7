"""Prompts to conditioning: chunks of tokens through CLIP, then their weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.text_weights import weighted
from nodes.types import Clip, Tokenizer

# A piece of a prompt of so many tokens may be cut where a chunk is full; a shorter one moves whole.
_MAY_BE_CUT = 8


@dataclass(frozen=True)
class Chunk:
    """As many ids as the text encoder takes, marks and padding included, and their weights."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def chunks(prompt: str, tokenizer: Tokenizer) -> tuple[Chunk, ...]:
    """Cut a prompt into chunks for the text encoder; an empty prompt is one chunk of padding."""
    room = tokenizer.length - 2
    filled: list[list[tuple[int, float]]] = [[]]
    for piece in weighted(prompt):
        tokens = [(token, piece.weight) for token in tokenizer.ids(piece.text)]
        if len(tokens) < _MAY_BE_CUT and len(filled[-1]) + len(tokens) > room:
            filled.append([])
        while tokens:
            if len(filled[-1]) == room:
                filled.append([])
            free = room - len(filled[-1])
            filled[-1] += tokens[:free]
            tokens = tokens[free:]
    return tuple(_chunk(tokens, tokenizer) for tokens in filled)


def encode(clip: Clip, prompt: str, second: str | None = None) -> tuple[Tensor, Tensor]:
    """Encode a prompt.

    A weight w moves a token's embedding from that of the empty prompt at the same place, e, to
    e + w * (embedding - e). Where there are two encoders, each does so by itself, and their
    embeddings stand side by side; the one with fewer chunks gets empty ones.

    Args:
        clip: The text encoder, on the device to compute on.
        prompt: Text with weights, of any length.
        second: What the second encoder reads, if it is to read something else.

    Returns:
        Embeddings (1, T, C), T being a multiple of the encoder's length, and the first chunk's
        pooled embedding (1, P), the last encoder's; float32 on the CPU.
    """
    towers = [(clip.encoder, clip.tokenizer, prompt)]
    if clip.second is not None and clip.second_tokenizer is not None:
        towers.append((clip.second, clip.second_tokenizer, prompt if second is None else second))
    pieces = [chunks(text, tokenizer) for _, tokenizer, text in towers]
    most = max(len(each) for each in pieces)
    embeds = []
    for (encoder, tokenizer, _), own in zip(towers, pieces, strict=True):
        empty = _chunk((), tokenizer)
        states, pooled = _encoded(clip, encoder, (*own, *[empty] * (most - len(own))), empty)
        embeds.append(states)
    if clip.projection is not None:
        pooled = _projected(clip.projection, pooled)
    return torch.cat(embeds, dim=2), pooled


def _encoded(
    clip: Clip, encoder: nn.Module, pieces: Sequence[Chunk], nothing: Chunk
) -> tuple[Tensor, Tensor]:
    plain = all(weight == 1 for piece in pieces for weight in piece.weights)
    ids = [piece.ids for piece in pieces]
    if not plain:
        ids.append(nothing.ids)
    states, pooled = _hidden_states(clip, encoder, ids)
    if plain:
        return states.reshape(1, -1, states.shape[-1]), pooled[:1]
    weights = torch.tensor([piece.weights for piece in pieces])[..., None]
    empty = states[-1:]
    moved = torch.where(weights == 1, states[:-1], empty + weights * (states[:-1] - empty))
    return moved.reshape(1, -1, states.shape[-1]), pooled[:1]


@torch.no_grad()
def _hidden_states(clip: Clip, encoder: Any, ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    device = next(encoder.parameters()).device
    output = encoder(torch.tensor(ids, device=device), output_hidden_states=True)
    if not clip.normed:
        states = output.hidden_states[-clip.skip]
    elif clip.skip == 1:
        states = output.last_hidden_state
    else:
        states = encoder.final_layer_norm(output.hidden_states[-clip.skip])
    return states.float().cpu(), output.pooler_output.float().cpu()


@torch.no_grad()
def _projected(projection: nn.Module, pooled: Tensor) -> Tensor:
    first = next(projection.parameters())
    made: Tensor = projection(pooled.to(first.device, first.dtype))
    return made.float().cpu()


def _chunk(tokens: Sequence[tuple[int, float]], tokenizer: Tokenizer) -> Chunk:
    ids = [tokenizer.start, *(token for token, _ in tokens), tokenizer.end]
    weights = [1.0, *(weight for _, weight in tokens), 1.0]
    missing = tokenizer.length - len(ids)
    return Chunk(
        tuple(ids + [tokenizer.pad] * missing),
        tuple(weights + [1.0] * missing),
    )
