"""Checkpoints on disk to models: weights are mapped, renamed and assigned, not copied."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from nodes.diffusion.cascades.stable_cascade import is_stage, load_stage
from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint_file import Header, read_header, read_weights, stamp
from nodes.diffusion.files.checkpoint_folder import read_folder
from nodes.diffusion.files.checkpoint_networks import (
    Checkpoint,
    Weights,
    make_denoiser,
    make_vae,
    model_sampling,
)
from nodes.diffusion.files.families import Family, detect
from nodes.diffusion.files.scaled_weights import with_factors
from nodes.diffusion.files.stable_cascade_file import load_stage_file
from nodes.diffusion.files.stable_cascade_keys import stage_prefix
from nodes.diffusion.files.text_keys import text_places
from nodes.diffusion.files.unet_shapes import UNET_NETWORK
from nodes.diffusion.files.vae_shapes import latents_of, vae_prefix
from nodes.diffusion.files.weight_shapes import Config
from nodes.diffusion.memory.missing_part import missing_clip, missing_vae
from nodes.diffusion.network_calls import reads_level
from nodes.diffusion.patches.thresholds import thresholds
from nodes.diffusion.pixel_space import is_pixel_space
from nodes.diffusion.text.encoders import TextPart, find_vocabulary, make_clip
from nodes.errors import FileProblem
from nodes.types import LatentFormat, Model, Tokenizer


def load_checkpoint(path: Path, dtype: str) -> Checkpoint:
    """Load a single file in its original layout, or a diffusers folder.

    Args:
        path: A .safetensors file, or a folder with model_index.json.
        dtype: What to compute in; weights of another dtype are cast once.

    Raises:
        FileProblem: If it is no checkpoint of a family that can be loaded.
    """
    if path.is_dir():
        if is_stage(path):
            return load_stage(path, dtype)
        family, weights, words = read_folder(path)
        return _assemble(family, weights, words, dtype, path)
    header = read_header(path)
    if stage_prefix(header.shapes) is not None:
        with unknown_keys_told(path):
            return load_stage_file(path, dtype)
    family = with_prediction(read_family(header), header, lambda name: _one(path, name))
    words = [
        find_vocabulary(family.tokenizer, text, path, family.text_join)
        for text in family.text_encoders
    ]
    return _assemble(family, _file_weights(header, family), words, dtype, path)


def _assemble(
    family: Family, weights: Weights, words: Sequence[Tokenizer], dtype: str, path: Path
) -> Checkpoint:
    key, latents = stamp(path), family.latents
    vae = missing_vae(path.name, latents, key)
    if family.vae:
        vae = make_vae(family.vae, weights.vae, latents, dtype, key)
        latents = vae.latent_format
    clip = missing_clip(path.name, key)
    if family.text_encoders:
        texts = zip(family.text_encoders, weights.text_encoders, words, strict=True)
        parts = [TextPart(*text) for text in texts]
        clip = make_clip(parts, family.text_use, dtype, key, family.text_join)
    model = make_model(family, weights.denoiser, latents, dtype, key)
    return Checkpoint(family.name, model, clip, vae)


def make_model(
    family: Family, weights: Mapping[str, Tensor], latents: LatentFormat, dtype: str, key: str
) -> Model:
    """Make the denoiser of a family.

    Args:
        family: Its configuration and its noise.
        weights: Under the names of diffusers.
        latents: The family's latent space, as far as it is known.
        dtype: What to compute in.
        key: Names the weights.

    Raises:
        FileProblem: If the configuration and the weights do not agree.
    """
    network = make_denoiser(family.denoiser, weights, dtype, family.network)
    patches = thresholds(family.scheduler, latents)
    sampling = model_sampling(family.scheduler)
    if reads_level(network):
        # Its scheduler's file tells the levels alone.
        sampling = replace(sampling, prediction="edm", clock="log")
    return Model(network, sampling, latents, dtype, f"{key}#unet", patches)


def read_family(header: Header) -> Family:
    """Tell what a file holds: by its own configuration if it carries one, else by its shapes.

    Raises:
        FileProblem: If it is no checkpoint, or of a kind not known here.
    """
    own = header.metadata.get("weft.config")
    try:
        if own is None:
            with unknown_keys_told(header.path):
                return detect(header.shapes, header.metadata)
        config = json.loads(own)
        parts = [dict(config[part]) for part in ("unet", "vae", "text_encoder", "scheduler")]
        unet, vae, text_encoder, scheduler = parts
        words = dict(config["tokenizer"])
        latents, kind = latents_of(vae), str(unet.get("_class_name", UNET_NETWORK))
        return Family("weft", latents, unet, vae, (text_encoder,), scheduler, words, network=kind)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FileProblem(
            f"{header.path.name} says too little of what it holds: {error} is missing or wrong.",
            "Fetch the file again, or another export of the model.",
            "checkpoint.config",
        ) from error


def with_prediction(family: Family, header: Header, weight: Callable[[str], Tensor]) -> Family:
    """Tell what a UNet of Stable Diffusion 2 predicts, where its file does not say.

    Nothing in the shapes tells 2.0 and 2.1 from their "base" versions; but training on velocity
    has spread the biases of the last attention's first normalisation much wider: the field tells
    them so.

    Args:
        family: As told by the shapes.
        header: Of the file.
        weight: Gives one of the UNet's weights by its name in an LDM checkpoint.
    """
    said = {"modelspec.prediction_type", "weft.config"} & header.metadata.keys()
    if family.name != "stable-diffusion-v2" or said or "v_pred" in header.shapes:
        return family
    unet = family.denoiser
    blocks = len(unet["block_out_channels"]) * (unet["layers_per_block"] + 1)
    name = f"output_blocks.{blocks - 1}.1.transformer_blocks.0.norm1.bias"
    if weight(ldm_keys.UNET_PREFIX + name).float().std(correction=0) <= _SPREAD_OF_VELOCITY:
        return family
    return replace(family, scheduler=family.scheduler | {"prediction_type": "v_prediction"})


_SPREAD_OF_VELOCITY = 0.09


def _one(path: Path, name: str) -> Tensor:
    return read_weights(path, lambda found: found == name)[name]


def _file_weights(header: Header, family: Family) -> Weights:
    texts = text_places(header.shapes)
    mapped = read_weights(header.path, lambda _: True)
    with unknown_keys_told(header.path):
        encoders = [
            # A file's own configuration stands before what its shapes tell.
            replace(text, config=config).weights(mapped)
            for text, config in zip(texts, family.text_encoders, strict=True)
        ]
        if family.transformer is None:
            denoiser = unet_weights(mapped, family.denoiser)
        else:
            denoiser = family.transformer.weights(mapped)
        return Weights(denoiser, _vae_weights(mapped, family.vae), encoders)


def unet_weights(file: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Pick a UNet's weights out of an LDM file; factors are among them, see `with_factors`.

    Raises:
        UnknownKeysError: If a weight has no place in a UNet of this configuration.
    """
    own = {name: tensor for name, tensor in file.items() if name.startswith(ldm_keys.UNET_PREFIX)}
    return ldm_keys.unet_from_ldm(with_factors(own), config)


def _vae_weights(mapped: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    if not config or is_pixel_space(config):
        return {}
    return ldm_keys.vae_from_ldm(mapped, config, vae_prefix(mapped))


@contextmanager
def unknown_keys_told(path: Path) -> Iterator[None]:
    """Turn weights that do not belong into a sentence about the file."""
    try:
        yield
    except ldm_keys.UnknownKeysError as error:
        raise FileProblem(
            f"{path.name} holds weights that are {error}.",
            "Fetch the file again, or another export of the model.",
            "checkpoint.weights",
        ) from error
