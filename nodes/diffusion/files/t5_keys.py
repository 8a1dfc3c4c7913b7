"""T5 encoders in files: where they stand, and what they are, told by the shapes of their weights.

Raffel et al. 2020, Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer, arXiv:1910.10683.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from nodes.diffusion.files.scaled_weights import FACTOR, with_factors
from nodes.diffusion.files.weight_shapes import Config, Shapes, count

_PREFIXES = ("text_encoders.t5xxl.transformer.", "")
_PARTS = ("shared.", "encoder.block.", "encoder.final_layer_norm.", "encoder.embed_tokens.")
_QUERY = "encoder.block.0.layer.0.SelfAttention.q.weight"
# Both names stand for one weight; files hold either, or both.
WORDS, _WORDS_AGAIN = "shared.weight", "encoder.embed_tokens.weight"
_AGAIN = {_WORDS_AGAIN: WORDS, f"encoder.embed_tokens.{FACTOR}": f"shared.{FACTOR}"}


@dataclass(frozen=True)
class T5Place:
    """A T5 encoder in a file.

    Attributes:
        prefix: Stands before every name of it.
        config: Of a T5EncoderModel.
    """

    prefix: str
    config: Config

    def holds(self, name: str) -> bool:
        """Say whether a name in the file is one of this encoder's; a decoder's are not."""
        return name.startswith(self.prefix) and name[len(self.prefix) :].startswith(_PARTS)

    def weights(self, file: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pick the encoder's weights out of a file, under the names of a T5EncoderModel.

        Factors of those in 8 bits are among them; see `with_factors`.
        """
        start = len(self.prefix)
        own = with_factors({name[start:]: t for name, t in file.items() if self.holds(name)})
        words = {ours: own.pop(again) for again, ours in _AGAIN.items() if again in own}
        return words | own


def t5_place(shapes: Shapes) -> T5Place | None:
    """Find the T5 encoder of a file."""
    for prefix in _PREFIXES:
        if prefix + _QUERY in shapes:
            start = len(prefix)
            own = {name[start:]: shapes[name] for name in shapes if name.startswith(prefix)}
            return T5Place(prefix, _config(own))
    return None


def _config(shapes: Shapes) -> Config:
    words = shapes[WORDS] if WORDS in shapes else shapes[_WORDS_AGAIN]
    inner, width = shapes[_QUERY]
    # Positions have a bias for each head, by their distance; they are in the first layer alone.
    buckets, heads = shapes["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    feed = "encoder.block.0.layer.1.DenseReluDense."
    gated = feed + "wi_0.weight" in shapes
    return {
        "model_type": "t5",
        "vocab_size": words[0],
        "d_model": width,
        "d_kv": inner // heads,
        "d_ff": shapes[feed + ("wi_0.weight" if gated else "wi.weight")][0],
        "num_layers": count(shapes, "encoder.block."),
        "num_heads": heads,
        "relative_attention_num_buckets": buckets,
        "feed_forward_proj": "gated-gelu" if gated else "relu",
    }
