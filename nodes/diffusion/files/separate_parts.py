"""Denoisers and text encoders in files of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint import (
    make_model,
    unet_weights,
    unknown_keys_told,
    with_prediction,
)
from nodes.diffusion.files.checkpoint_file import stamp
from nodes.diffusion.files.checkpoint_folder import read_named
from nodes.diffusion.files.families import TEXT_USES, TextUse, detect
from nodes.diffusion.files.scaled_weights import with_factors, without_marks
from nodes.diffusion.files.stable_cascade_file import stage_of
from nodes.diffusion.files.stable_cascade_keys import stage_prefix
from nodes.diffusion.files.t5_keys import T5Place
from nodes.diffusion.files.text_keys import TextPlace, text_places
from nodes.diffusion.files.unet_shapes import layers_told
from nodes.diffusion.text.encoders import TextPart, find_vocabulary, make_clip
from nodes.errors import FileProblem
from nodes.types import Clip, Model, TextJoin

# By widths, which encoders are read side by side, and which Stable Diffusion 3 and Flux read.
_L, _G, _T5 = 768, 1280, 4096
_SIDE_BY_SIDE = frozenset({(_L,), *TEXT_USES})
_SD3 = frozenset({(_L,), (_G,), (_T5,), (_L, _G), (_L, _T5), (_G, _T5), (_L, _G, _T5)})
_FLUX = frozenset({(_L, _T5)})
_T5_ALONE = frozenset({(_T5,)})
_KNOWN: Mapping[TextJoin, tuple[frozenset[tuple[int, ...]], str]] = {
    "side by side": (
        _SIDE_BY_SIDE,
        "Choose CLIP L, OpenCLIP H or bigG; for SDXL, L and bigG.",
    ),
    "sd3": (_SD3, "Choose CLIP L, OpenCLIP bigG and T5 XXL, or some of them."),
    "flux": (_FLUX, "Choose CLIP L and T5 XXL."),
    "chroma": (_T5_ALONE, "Choose T5 XXL."),
    "deepfloyd": (_T5_ALONE, "Choose T5 XXL."),
    "stable cascade": (frozenset({(_G,)}), "Choose OpenCLIP bigG."),
}

# Which hidden state is read, where it is not told by the encoders' widths.
_USES: Mapping[TextJoin, TextUse] = {
    "sd3": TextUse(2, normed=False),
    "stable cascade": TextUse(normed=False),
}


def load_denoiser(path: Path, dtype: str) -> Model:
    """Load a denoiser of a known family, under original or diffusers names.

    Args:
        path: A .safetensors file, or a folder that diffusers has written for a transformer or UNet.
        dtype: What to compute in.

    Raises:
        FileProblem: If the file holds none, or one of another family.
    """
    header, mapped = read_named(path)
    if stage_prefix(mapped) is not None:
        return stage_of(mapped, dtype, stamp(path))
    with unknown_keys_told(path):
        shapes = _as_in_checkpoints(without_marks(header.shapes))
        weights = _as_in_checkpoints(with_factors(mapped))
        family = with_prediction(
            detect(shapes, header.metadata), header, lambda name: weights[name]
        )
        if family.transformer is None:
            own = unet_weights(weights, family.denoiser)
        else:
            own = family.transformer.weights(weights)
    return make_model(family, own, family.latents, dtype, stamp(path))


def load_clip(paths: Sequence[Path], dtype: str, join: TextJoin = "side by side") -> Clip:
    """Load the text encoders of a model from a file each, in any order.

    Args:
        paths: A .safetensors file for each, or a folder that transformers has written.
        dtype: What to compute in.
        join: What the encoders are read for.

    Raises:
        FileProblem: If a file holds none, or they are none that a model reads together.
    """
    found = sorted(map(_text_encoder, paths), key=lambda each: each.width)
    widths = tuple(each.width for each in found)
    names = " and ".join(each.path.name for each in found)
    known, hint = _KNOWN[join]
    if widths not in known:
        raise FileProblem(
            f"{names}: no model known here reads text encoders of width "
            f"{' and '.join(map(str, widths))}.",
            hint,
            "clip.kind",
        )
    parts = []
    for each in found:
        with unknown_keys_told(each.path):
            weights = each.place.weights(each.weights)
        words = find_vocabulary({}, each.place.config, each.path, join)
        parts.append(TextPart(each.place.config, weights, words))
    key = "+".join(stamp(each.path) for each in found)
    use = _USES.get(join, TEXT_USES.get(widths, TextUse()))
    return make_clip(parts, use, dtype, key, join)


@dataclass(frozen=True, eq=False)
class _Found:
    """A text encoder, and the file that it was found in."""

    path: Path
    place: TextPlace | T5Place
    weights: Mapping[str, Tensor]

    @property
    def width(self) -> int:
        width: int = self.place.config.get("hidden_size") or self.place.config["d_model"]
        return width


def _text_encoder(path: Path) -> _Found:
    header, weights = read_named(path)
    places = text_places(header.shapes)
    if len(places) == 1:
        return _Found(path, places[0], weights)
    what = "no text encoder of CLIP's or T5's kind" if not places else "more than one text encoder"
    raise FileProblem(
        f"{path.name} holds {what}.",
        "Choose a file from the text_encoders folder.",
        "clip.kind",
    )


def _as_in_checkpoints(named: Mapping[str, Any]) -> dict[str, Any]:
    """Give a UNet's weights, or their shapes, the names that they have in an LDM checkpoint."""
    if "down_blocks.0.resnets.0.conv1.weight" in named:
        return ldm_keys.unet_to_ldm(named, layers_told(named))
    if "input_blocks.0.0.weight" in named:
        return {ldm_keys.UNET_PREFIX + name: value for name, value in named.items()}
    return dict(named)
