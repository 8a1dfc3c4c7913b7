"""Text encoders out of configurations and weights, with their vocabularies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from nodes.diffusion.files.checkpoint_networks import configured, filled, wide_half
from nodes.diffusion.files.families import TextUse
from nodes.diffusion.files.t5_keys import WORDS
from nodes.diffusion.files.weight_shapes import Config
from nodes.diffusion.text.t5_vocabulary import find_t5_vocabulary
from nodes.diffusion.text.tokenizer import ClipVocabulary, clip_vocabulary, vocabulary
from nodes.errors import FileProblem
from nodes.types import Clip, TextJoin, Tokenizer

# What T5 is given at the least; Flux was trained on longer texts, and Chroma without padding.
T5_LENGTHS: Mapping[TextJoin, int] = {
    "side by side": 77,
    "sd3": 77,
    "flux": 256,
    "chroma": 1,
    "deepfloyd": 77,
}


@dataclass(frozen=True)
class TextPart:
    """One text encoder: configuration, weights named as in transformers 5, and vocabulary."""

    config: Config
    weights: Mapping[str, Tensor]
    words: Tokenizer


def make_clip(
    parts: Sequence[TextPart], use: TextUse, dtype: str, key: str, join: TextJoin = "side by side"
) -> Clip:
    """Build one text encoder, or up to three, around their weights.

    Args:
        parts: The encoders, in the order in which they are read.
        use: Which hidden state of CLIP is read.
        dtype: What to compute in.
        key: Names the weights.
        join: How what they say is put together.

    Raises:
        FileProblem: If configuration, weights and vocabulary do not agree.
    """
    encoders = [
        _t5_encoder(part, dtype) if is_t5(part.config) else _clip_encoder(part, dtype)
        for part in parts
    ]
    clip = Clip(encoders[0], parts[0].words, f"{key}#clip", use.skip, use.normed, join=join)
    if len(parts) > 1:
        clip = replace(clip, second=encoders[1], second_tokenizer=parts[1].words)
    if len(parts) > 2:
        clip = replace(clip, third=encoders[2], third_tokenizer=parts[2].words)
    last = next((p.weights[_PROJECTION] for p in parts if _PROJECTION in p.weights), None)
    if last is None:
        return clip
    with torch.device("meta"):
        projection: nn.Module = nn.Linear(last.shape[1], last.shape[0], bias=False)
    projection = filled(projection, {"weight": last}, dtype, "text projection")
    return replace(clip, projection=projection)


_PROJECTION = "text_projection.weight"


def is_t5(config: Config) -> bool:
    """Say whether a text encoder's configuration is T5's; else it is CLIP's."""
    return config.get("model_type") == "t5"


def find_vocabulary(tokenizer: Config, encoder: Config, model: Path, join: TextJoin) -> Tokenizer:
    """Find the vocabulary of a text encoder.

    Args:
        tokenizer: The vocabulary that a file brings; empty if none.
        encoder: The encoder's configuration.
        model: The file that holds the encoder.
        join: What the encoder is read for.

    Raises:
        FileProblem: If there is none, or it is not whole.
    """
    if is_t5(encoder):
        return find_t5_vocabulary(model, T5_LENGTHS[join])
    if join == "stable cascade":
        # It reads what OpenCLIP says where there are no words too, and was shown end marks there.
        encoder = encoder | {"pad_token_id": encoder["eos_token_id"]}
    return make_vocabulary(tokenizer, encoder)


def _clip_encoder(part: TextPart, dtype: str) -> nn.Module:
    settings = configured("text encoder", CLIPTextConfig.from_dict, part.config)
    words = part.words
    _check_words(settings.vocab_size, words.start or 0, words.end, words.pad)
    with torch.device("meta"):
        encoder = CLIPTextModel(settings)
    # A buffer that is in no file, which the meta device has left without values.
    positions = torch.arange(settings.max_position_embeddings)[None]
    encoder.embeddings.register_buffer("position_ids", positions, persistent=False)
    weights = {name: w for name, w in part.weights.items() if name != _PROJECTION}
    return filled(encoder, weights, dtype, "text encoder")


def _t5_encoder(part: TextPart, dtype: str) -> nn.Module:
    """Build a T5 encoder; float16 is too narrow for it, so that it computes in bfloat16 then."""
    settings = configured("T5 text encoder", T5Config.from_dict, part.config)
    _check_words(settings.vocab_size, part.words.end, part.words.pad)
    with torch.device("meta"):
        encoder: Any = T5EncoderModel(settings)
    again = {"encoder.embed_tokens.weight": part.weights[WORDS]} if WORDS in part.weights else {}
    made: Any = filled(encoder, {**part.weights, **again}, wide_half(dtype), "T5 text encoder")
    # One weight under two names stays one.
    made.encoder.embed_tokens = made.shared
    network: nn.Module = made
    return network


def _check_words(known: int, *ids: int) -> None:
    if max(ids) >= known:
        raise FileProblem(
            f"The text encoder knows {known} tokens, and its vocabulary has more.",
            code="checkpoint.config",
        )


def make_vocabulary(config: Config, text_encoder: Config) -> ClipVocabulary:
    """Make the vocabulary that a file brings, or take CLIP's if it brings none.

    CLIP's is filled up with what the text encoder's configuration says: zeros, which are the id of
    the exclamation mark, or the end mark.

    Raises:
        FileProblem: If it is not whole.
    """
    if not config:
        return clip_vocabulary("!") if text_encoder.get("pad_token_id") == 0 else clip_vocabulary()
    try:
        merges = [pair.split() if isinstance(pair, str) else pair for pair in config["merges"]]
        pairs = [(left, right) for left, right in merges]
        return vocabulary(config["vocab"], pairs, config.get("model_max_length", 77))
    except (KeyError, TypeError, ValueError) as error:
        raise FileProblem(
            f"The vocabulary of the text encoder is wrong: {error} is missing or damaged.",
            code="checkpoint.tokenizer",
        ) from error
