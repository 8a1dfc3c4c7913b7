"""A T5 of a few thousand weights beside a vocabulary of a few words, as their files hold them."""

import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import T5Config, T5EncoderModel

# Of the published width, since Stable Diffusion 3 and Flux read nothing else.
T5: dict[str, Any] = {
    "vocab_size": 48,
    "d_model": 4096,
    "d_kv": 8,
    "d_ff": 16,
    "num_layers": 2,
    "num_heads": 2,
    "feed_forward_proj": "gated-gelu",
}

# Pieces of SentencePiece with their scores; the first three are T5's marks.
PIECES = (
    ("<pad>", 0.0),
    ("</s>", 0.0),
    ("<unk>", 0.0),
    ("▁", -2.0),
    ("▁a", -1.0),
    ("▁cat", -3.0),
    ("▁red", -3.0),
    ("▁photo", -3.5),
    ("s", -2.5),
    *((letter, -6.0) for letter in "abcdefghijklmnopqrtuvwxyz"),
)
NUMBER = {piece: number for number, (piece, _) in enumerate(PIECES)}


@cache
def t5() -> Any:
    torch.manual_seed(0)
    model: Any = T5EncoderModel(T5Config(**T5))
    for name, parameter in model.named_parameters():
        parameter.data.normal_(0, 1.0 if "norm" in name or "bias" in name else 0.2)
    return model.requires_grad_(False).eval()


def t5_weights(prefix: str = "") -> dict[str, Tensor]:
    """Name a T5's weights as its files do: the words once, and not under their second name."""
    weights = dict(t5().state_dict())
    weights.pop("encoder.embed_tokens.weight")
    return {prefix + name: tensor.clone() for name, tensor in weights.items()}


def write_spiece(folder: Path) -> Path:
    """Write a SentencePiece model: a Protocol Buffers message, made by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    message = b""
    for number, (piece, score) in enumerate(PIECES):
        body = _field(1, piece.encode()) + _key(2, 5) + struct.pack("<f", score)
        if number < 3:
            body += _key(3, 0) + _varint(2 if piece == "<unk>" else 3)
        message += _field(1, body)
    # What training was like, which counts for nothing here: its field has numbers of every kind.
    message += _field(2, _key(4, 0) + _varint(32_000) + _key(10, 5) + struct.pack("<f", 0.9995))
    path = folder / "spiece.model"
    path.write_bytes(message + _field(3, _field(1, b"identity")))
    return path


def write_tokenizer_json(folder: Path, name: str = "tokenizer.json") -> Path:
    """Write the same vocabulary in the form of the tokenizers library."""
    folder.mkdir(parents=True, exist_ok=True)
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    data: dict[str, Any] = {
        "version": "1.0",
        "truncation": {
            "direction": "Right",
            "max_length": 4,
            "strategy": "LongestFirst",
            "stride": 0,
        },
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "WhitespaceSplit"}, space],
        },
        "post_processor": None,
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": 2, "vocab": [list(pair) for pair in PIECES]},
    }
    path = folder / name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _field(number: int, data: bytes) -> bytes:
    return _key(number, 2) + _varint(len(data)) + data


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
