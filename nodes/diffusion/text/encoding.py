"""Prompts to conditioning: tokens through text encoders, then their weights, then one sequence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import T5EncoderModel

from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.text.prompt_weights import weighted
from nodes.diffusion.text.t5_vocabulary import T5Vocabulary
from nodes.types import Clip, TextJoin, Tokenizer

# Which of CLIP L, OpenCLIP's bigG and T5 an encoder is; a model's only CLIP counts as the first.
Role = Literal["l", "g", "t5"]
WIDTHS: Mapping[Role, int] = MappingProxyType({"l": 768, "g": 1280, "t5": 4096})

# A piece of a prompt of so many tokens may be cut where a chunk is full; a shorter one moves whole.
_MAY_BE_CUT = 8


@dataclass(frozen=True)
class Chunk:
    """Ids for one run of a text encoder, marks and padding included, and their weights."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Tower:
    """One text encoder of a model."""

    role: Role
    network: Any
    tokenizer: Tokenizer


@dataclass(frozen=True, eq=False)
class Encoded:
    """What an encoder makes of a prompt: states (1, T, C), and CLIP a summary (1, P)."""

    states: Tensor
    pooled: Tensor | None = None


# Puts together what the encoders of a model give: embeddings, and a summary.
Join = Callable[[Clip, Mapping[Role, Encoded]], tuple[Tensor, Tensor | None]]


def towers(clip: Clip) -> tuple[Tower, ...]:
    """List the text encoders of a model, in the order in which it reads them."""
    pairs = (
        (clip.encoder, clip.tokenizer),
        (clip.second, clip.second_tokenizer),
        (clip.third, clip.third_tokenizer),
    )
    return tuple(Tower(_role(one), one, two) for one, two in pairs if one is not None and two)


def encode(clip: Clip, *prompts: str | None) -> tuple[Tensor, Tensor | None]:
    """Encode a prompt.

    A weight w moves a token's embedding from that of the empty prompt at the same place, e, to
    e + w * (embedding - e). Each encoder does so by itself. Of several CLIPs the one with fewer
    chunks gets empty ones.

    Args:
        clip: The text encoders, on the device to compute on.
        prompts: Text with weights, of any length: one for all encoders or one for each, in the
            order of `towers`; None leaves an encoder out.

    Returns:
        Embeddings (1, T, C) and the text's summary (1, P), if the model reads one; float32 on the
        CPU.
    """
    all_of_it = towers(clip)
    each = prompts * len(all_of_it) if len(prompts) == 1 else prompts
    asked = [(t, text) for t, text in zip(all_of_it, each, strict=True) if text is not None]
    pieces: dict[Role, tuple[Chunk, ...]] = {
        tower.role: chunks(text, tower.tokenizer) for tower, text in asked if tower.role != "t5"
    }
    most = max(map(len, pieces.values()), default=0)
    encoded: dict[Role, Encoded] = {}
    for tower, text in asked:
        if isinstance(tower.tokenizer, T5Vocabulary):
            words = tower.tokenizer
            # DeepFloyd IF was trained on captions in small letters, with the padding out of sight.
            deepfloyd = clip.join == "deepfloyd"
            row, nothing = (_row(each, words) for each in (text.lower() if deepfloyd else text, ""))
            nothing = _lengthened(nothing, len(row.ids), words.pad)
            hidden = words.pad if deepfloyd else None
            encoded["t5"] = _with_weights(
                partial(_t5_states, tower.network, hidden), [row], nothing
            )
        else:
            own, nothing = pieces[tower.role], _chunk((), tower.tokenizer)
            filled = (*own, *[nothing] * (most - len(own)))
            encoded[tower.role] = _with_weights(
                partial(_clip_states, clip, tower.network), filled, nothing
            )
    return _JOINS[clip.join](clip, encoded)


def chunks(prompt: str, tokenizer: Tokenizer) -> tuple[Chunk, ...]:
    """Cut a prompt into chunks for CLIP; an empty prompt is one chunk of padding."""
    room = tokenizer.length - 2
    filled: list[list[tuple[int, float]]] = [[]]
    for tokens in _runs(prompt, tokenizer):
        if len(tokens) < _MAY_BE_CUT and len(filled[-1]) + len(tokens) > room:
            filled.append([])
        while tokens:
            if len(filled[-1]) == room:
                filled.append([])
            free = room - len(filled[-1])
            filled[-1] += tokens[:free]
            tokens = tokens[free:]
    return tuple(_chunk(tokens, tokenizer) for tokens in filled)


def _runs(prompt: str, tokenizer: Tokenizer) -> Iterator[list[tuple[int, float]]]:
    """Give the tokens of each piece with its weight; a taught word's stand by themselves."""
    for piece in weighted(prompt):
        for _, run in groupby(tokenizer.ids(piece.text), key=lambda token: token < 0):
            yield [(token, piece.weight) for token in run]


def _role(network: nn.Module) -> Role:
    if isinstance(network, T5EncoderModel):
        return "t5"
    config: Any = network.config
    return "g" if config.hidden_size == WIDTHS["g"] else "l"


def _chunk(tokens: Sequence[tuple[int, float]], tokenizer: Tokenizer) -> Chunk:
    marked = [*tokens, (tokenizer.end, 1.0)]
    if tokenizer.start is not None:
        marked.insert(0, (tokenizer.start, 1.0))
    chunk = Chunk(tuple(token for token, _ in marked), tuple(weight for _, weight in marked))
    return _lengthened(chunk, tokenizer.length, tokenizer.pad)


def _row(prompt: str, words: T5Vocabulary) -> Chunk:
    """Make the one row that T5 reads, however long the prompt is."""
    tokens = [(t, piece.weight) for piece in weighted(prompt) for t in words.ids(piece.text)]
    return _lengthened(_chunk(tokens, words), len(tokens) + 1 + words.padding, words.pad)


def _lengthened(chunk: Chunk, length: int, pad: int) -> Chunk:
    missing = max(length - len(chunk.ids), 0)
    return Chunk(chunk.ids + (pad,) * missing, chunk.weights + (1.0,) * missing)


def _with_weights(
    states_of: Callable[[Sequence[Sequence[int]]], Encoded], pieces: Sequence[Chunk], nothing: Chunk
) -> Encoded:
    """Encode pieces as one sequence, and move what has another weight than 1; see `encode`."""
    plain = all(weight == 1 for piece in pieces for weight in piece.weights)
    ids = [piece.ids for piece in pieces]
    if not plain:
        ids.append(nothing.ids)
    encoded = states_of(ids)
    states, pooled = encoded.states, None if encoded.pooled is None else encoded.pooled[:1]
    if not plain:
        weights = torch.tensor([piece.weights for piece in pieces])[..., None]
        empty = states[-1:]
        states = torch.where(weights == 1, states[:-1], empty + weights * (states[:-1] - empty))
    return Encoded(states.reshape(1, -1, states.shape[-1]), pooled)


@torch.no_grad()
def _clip_states(clip: Clip, encoder: Any, ids: Sequence[Sequence[int]]) -> Encoded:
    device, _ = work_place(encoder)
    given = torch.tensor(ids, device=device)
    seen: Tensor | None = None
    if clip.join == "stable cascade":
        # It was trained with the padding, which is what follows the first end, out of sight.
        ends = (given == clip.tokenizer.end).int()
        seen = ends.cumsum(dim=1) - ends == 0
    output = encoder(given, attention_mask=seen, output_hidden_states=True)
    if not clip.normed:
        states = output.hidden_states[-clip.skip]
    elif clip.skip == 1:
        states = output.last_hidden_state
    else:
        states = encoder.final_layer_norm(output.hidden_states[-clip.skip])
    return Encoded(states.float().cpu(), output.pooler_output.float().cpu())


@torch.no_grad()
def _t5_states(encoder: Any, hidden: int | None, ids: Sequence[Sequence[int]]) -> Encoded:
    """Encode by T5, in whose sight is all but the ids that are hidden."""
    device, _ = work_place(encoder)
    given = torch.tensor(ids, device=device)
    output = encoder(given, attention_mask=None if hidden is None else given != hidden)
    return Encoded(output.last_hidden_state.float().cpu())


def _side_by_side(clip: Clip, encoded: Mapping[Role, Encoded]) -> tuple[Tensor, Tensor | None]:
    *_, last = encoded.values()
    return torch.cat([one.states for one in encoded.values()], dim=2), _projected(clip, last.pooled)


def _stable_diffusion_3(
    clip: Clip, encoded: Mapping[Role, Encoded]
) -> tuple[Tensor, Tensor | None]:
    """Join as Esser et al. 2024, arXiv:2403.03206, figure 2: T5 behind the CLIPs side by side.

    The CLIPs are filled up with zeros to T5's width; zeros stand for one that is missing.
    """
    t5 = encoded.get("t5")
    width = WIDTHS["t5"] if t5 is None else t5.states.shape[2]
    clips = {role: encoded[role] for role in ("l", "g") if role in encoded}
    parts: list[Tensor] = []
    if clips or t5 is None:
        length = next((one.states.shape[1] for one in clips.values()), clip.tokenizer.length)
        nothing = {role: torch.zeros(1, length, WIDTHS[role]) for role in ("l", "g")}
        both = [clips[role].states if role in clips else nothing[role] for role in ("l", "g")]
        joined = torch.cat(both, dim=2)
        parts.append(nn.functional.pad(joined, (0, width - joined.shape[2])))
    if t5 is not None:
        parts.append(t5.states)
    pooled = []
    for role in ("l", "g"):
        summary = clips[role].pooled if role in clips else torch.zeros(1, WIDTHS[role])
        pooled.append(_projected(clip, summary) if role == "g" and role in clips else summary)
    return torch.cat(parts, dim=1), torch.cat([each for each in pooled if each is not None], dim=1)


def _flux(clip: Clip, encoded: Mapping[Role, Encoded]) -> tuple[Tensor, Tensor | None]:
    """Read T5's states, and of CLIP the summary alone."""
    return encoded["t5"].states, encoded["l"].pooled


_JOINS: Mapping[TextJoin, Join] = MappingProxyType(
    {
        "side by side": _side_by_side,
        "sd3": _stable_diffusion_3,
        "flux": _flux,
        "chroma": _side_by_side,
        "deepfloyd": _side_by_side,
        "stable cascade": _side_by_side,
    }
)


@torch.no_grad()
def _projected(clip: Clip, pooled: Tensor | None) -> Tensor | None:
    if clip.projection is None or pooled is None:
        return pooled
    made: Tensor = clip.projection(pooled.to(*work_place(clip.projection)))
    return made.float().cpu()
