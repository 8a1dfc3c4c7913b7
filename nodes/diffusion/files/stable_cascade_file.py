"""Stable Cascade in single files, in the layouts that are passed on.

| File | Holds |
|---|---|
| stage_c, stage_b, and their small versions | a network |
| stable_cascade_stage_c, stable_cascade_stage_b | a network, its text encoder, and its coder |
| stage_a | what stage B's latents are decoded with |
| effnet_encoder, previewer | what pictures become stage C's latents with, and are shown with |
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor

from nodes.diffusion.cascades.stable_cascade import STAGE_C, make_stage, make_stage_a
from nodes.diffusion.cascades.stage_c_coder import make_stage_c_coder
from nodes.diffusion.files.checkpoint_file import read_weights, stamp
from nodes.diffusion.files.checkpoint_networks import Checkpoint, configured
from nodes.diffusion.files.families import TextUse
from nodes.diffusion.files.stable_cascade_keys import stage_config, stage_prefix, stage_weights
from nodes.diffusion.files.text_keys import text_places
from nodes.diffusion.files.weight_shapes import Config, Shapes
from nodes.diffusion.memory.missing_part import missing_clip, missing_vae
from nodes.diffusion.text.encoders import TextPart, find_vocabulary, make_clip
from nodes.types import Clip, Model, Vae

_CODER = "vae."
_PROJECTION = "text_encoder.clip_g.text_projection"
_CODEBOOK = "vquantizer.codebook.weight"
# What stands before the names of the parts of stage C's coder where it is whole, and by which
# names they tell themselves.
_PARTS_OF_C = (("encoder.", "backbone.0.0.weight"), ("previewer.", "blocks.11.running_mean"))


def load_stage_file(path: Path, dtype: str) -> Checkpoint:
    """Load a stage with the text encoder and the coder that its file holds.

    Args:
        path: A .safetensors file in which `stage_prefix` finds a stage.
        dtype: What to compute in; float16 is too narrow, so that it computes in bfloat16 then.

    Raises:
        FileProblem: If a part is damaged.
        UnknownKeysError: If a weight has no place in the text encoder.
    """
    file, key = read_weights(path, lambda _: True), stamp(path)
    model = stage_of(file, dtype, key)
    part = "prior" if model.latent_format == STAGE_C else "decoder"
    coder = {n.removeprefix(_CODER): w for n, w in file.items() if n.startswith(_CODER)}
    vae = missing_vae(path.name, model.latent_format, key)
    if is_coder(coder):
        vae = _coder(coder, path.name, key)
    return Checkpoint(f"stable-cascade-{part}", model, _clip(file, path, dtype, key), vae)


def stage_of(file: Mapping[str, Tensor], dtype: str, key: str) -> Model:
    """Make the model of the stage that a file holds.

    Args:
        file: Weights by name, in which `stage_prefix` finds a stage.
        dtype: What to compute in.
        key: Names the weights.

    Raises:
        FileProblem: If the weights are not whole.
    """
    weights = stage_weights(file, stage_prefix(file) or "")
    config: Config = configured("stage", stage_config, _shapes(weights))
    return make_stage(config, weights, dtype, key)


def is_coder(names: Collection[str]) -> bool:
    """Say whether a file holds a coder of Stable Cascade, or one part of it."""
    return _CODEBOOK in names or any(
        mark in names or part + mark in names for part, mark in _PARTS_OF_C
    )


def load_coder(path: Path) -> Vae:
    """Load a coder from a file of its own.

    Raises:
        FileProblem: If it is damaged.
    """
    return _coder(read_weights(path, lambda _: True), path.name, stamp(path))


def _coder(weights: Mapping[str, Tensor], file: str, key: str) -> Vae:
    if _CODEBOOK not in weights:
        before = next((part for part, mark in _PARTS_OF_C if mark in weights), "")
        return make_stage_c_coder({before + n: w for n, w in weights.items()}, file, key)
    named = {n.replace(".codebook.", ".embedding."): w for n, w in weights.items()}
    return make_stage_a(configured("VAE", _stage_a_config, _shapes(named)), named, key)


def _stage_a_config(shapes: Shapes) -> Config:
    """Derive a PaellaVQModel's configuration from the shapes of its weights."""
    wide, channels, *_ = shapes["up_blocks.0.0.weight"]
    # In each level a block, and between two a convolution; at the end what makes latents.
    levels = sum(n.startswith("down_blocks.") and n.endswith(".gammas") for n in shapes)
    blocks = sum(n.startswith("up_blocks.") and n.endswith(".gammas") for n in shapes)
    return {
        "levels": levels,
        # All but the deepest have one block.
        "bottleneck_blocks": blocks - (levels - 1),
        "embed_dim": wide,
        "latent_channels": channels,
        "num_vq_embeddings": shapes["vquantizer.embedding.weight"][0],
    }


def _clip(file: Mapping[str, Tensor], path: Path, dtype: str, key: str) -> Clip:
    named = dict(file)
    if _PROJECTION in named:
        # OpenCLIP multiplies from the left.
        new = _PROJECTION.replace("text_projection", "transformer.text_projection.weight")
        named[new] = named.pop(_PROJECTION).T
    places = text_places(_shapes(named))
    if not places:
        return missing_clip(path.name, key)
    (place,) = places
    words = find_vocabulary({}, place.config, path, "stable cascade")
    part = TextPart(place.config, place.weights(named), words)
    return make_clip([part], TextUse(normed=False), dtype, key, "stable cascade")


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}
