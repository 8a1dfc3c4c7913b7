"""Denoisers and text encoders in files of their own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nodes.diffusion import ldm_keys
from nodes.diffusion.checkpoint import unknown_keys_told, with_prediction
from nodes.diffusion.checkpoint_file import read_header, read_weights, stamp
from nodes.diffusion.checkpoint_networks import (
    TextPart,
    make_clip,
    make_unet,
    make_vocabulary,
    model_sampling,
)
from nodes.diffusion.families import TEXT_USES, TextUse, detect, layers_told
from nodes.diffusion.text_keys import TextPlace, text_places
from nodes.errors import FileProblem
from nodes.types import Clip, Model

_KNOWN_PAIRS = ((768,), *TEXT_USES)


def load_unet(path: Path, dtype: str) -> Model:
    """Load a UNet of Stable Diffusion 1, 2 or XL, under LDM or diffusers names.

    Raises:
        FileProblem: If the file holds none, or one of another family.
    """
    header = read_header(path)
    mapped = read_weights(path, lambda name: True)
    with unknown_keys_told(path):
        shapes = _as_in_checkpoints(header.shapes)
        weights = _as_in_checkpoints(mapped)
        family = with_prediction(
            detect(shapes, header.metadata), header, lambda name: weights[name]
        )
        own = ldm_keys.unet_from_ldm(weights, family.unet)
    if family.name.endswith("-edit"):
        raise FileProblem(
            f"{path.name} is an editing model, and that kind cannot be loaded yet.",
            "Choose a UNet of Stable Diffusion 1, 2 or XL, or an inpainting variant.",
            "checkpoint.family",
        )
    network = make_unet(family.unet, own, dtype)
    sampling = model_sampling(family.scheduler)
    return Model(network, sampling, family.latents, dtype, f"{stamp(path)}#unet")


def load_clip(paths: Sequence[Path], dtype: str) -> Clip:
    """Load one text encoder, or SDXL's two from a file each, in either order.

    Raises:
        FileProblem: If a file holds none, or they are no pair that a model reads.
    """
    found = sorted((_place(path) for path in paths), key=lambda each: _width(each[1]))
    widths = tuple(_width(place) for _, place in found)
    names = " and ".join(path.name for path, _ in found)
    if widths not in _KNOWN_PAIRS:
        raise FileProblem(
            f"{names}: no model known here reads text encoders of width "
            f"{' and '.join(map(str, widths))}.",
            "Choose CLIP L, OpenCLIP H or bigG; for SDXL, CLIP L and bigG.",
            "clip.kind",
        )
    parts = []
    for path, place in found:
        with unknown_keys_told(path):
            weights = place.weights(read_weights(path, place.holds))
        parts.append(TextPart(place.config, weights, make_vocabulary({}, place.config)))
    key = "+".join(stamp(path) for path, _ in found)
    return make_clip(parts, TEXT_USES.get(widths, TextUse()), dtype, key)


def _as_in_checkpoints(named: Mapping[str, Any]) -> dict[str, Any]:
    """Give a UNet's weights, or their shapes, the names that they have in an LDM checkpoint."""
    if "down_blocks.0.resnets.0.conv1.weight" in named:
        return ldm_keys.unet_to_ldm(named, layers_told(named))
    if "input_blocks.0.0.weight" in named:
        return {ldm_keys.UNET_PREFIX + name: value for name, value in named.items()}
    return dict(named)


def _place(path: Path) -> tuple[Path, TextPlace]:
    places = text_places(read_header(path).shapes)
    if len(places) == 1:
        return path, places[0]
    what = "no text encoder of CLIP's kind" if not places else "more than one text encoder"
    raise FileProblem(
        f"{path.name} holds {what}.",
        "Choose a file from the text_encoders folder.",
        "clip.kind",
    )


def _width(place: TextPlace) -> int:
    width: int = place.config["hidden_size"]
    return width
