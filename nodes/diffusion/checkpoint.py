"""Checkpoints on disk to models: weights are mapped, renamed and assigned, not copied."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from nodes.diffusion import ldm_keys
from nodes.diffusion.checkpoint_file import Header, read_header, read_weights, stamp
from nodes.diffusion.checkpoint_folder import diffusers_vae_to_ldm, read_folder
from nodes.diffusion.checkpoint_networks import (
    Checkpoint,
    Weights,
    assemble,
    make_vae,
    make_vocabulary,
)
from nodes.diffusion.families import (
    SD_LATENTS,
    SDXL_LATENTS,
    Family,
    detect,
    latents_of,
    vae_config,
)
from nodes.diffusion.text_keys import text_places
from nodes.errors import FileProblem
from nodes.types import LatentFormat, Vae

# Families whose parts all load; "weft" is a file that carries its own configuration.
LOADABLE = ("stable-diffusion-", "weft")
# Whose inputs beside the latent are not made yet.
_NOT_YET = "-edit"


def load_checkpoint(path: Path, dtype: str) -> Checkpoint:
    """Load a single file in the LDM layout, or a diffusers folder.

    Args:
        path: A .safetensors file, or a folder with model_index.json.
        dtype: What to compute in; weights of another dtype are cast once.

    Raises:
        FileProblem: If it is no checkpoint of a family that can be loaded.
    """
    if path.is_dir():
        family, weights, words = read_folder(path)
        return assemble(family, weights, words, dtype, stamp(path))
    header = read_header(path)
    family = read_family(header)
    if not family.name.startswith(LOADABLE) or family.name.endswith(_NOT_YET):
        raise FileProblem(
            f"{path.name} is a {family.name} checkpoint, and that family cannot be loaded yet.",
            "Choose a checkpoint of Stable Diffusion 1, 2 or XL, or an inpainting variant.",
            "checkpoint.family",
        )
    family = with_prediction(family, header, lambda name: _one(path, name))
    texts = (family.text_encoder, family.text_encoder_2)
    words = [make_vocabulary(family.tokenizer, text) for text in texts if text]
    return assemble(family, _file_weights(header, family), words, dtype, stamp(path))


def load_vae(path: Path, dtype: str) -> Vae:
    """Load the VAE of a file, under LDM or diffusers names, alone or within a checkpoint.

    A file does not tell the scale of its latents: one whose metadata names SDXL has SDXL's, any
    other has that of Stable Diffusion 1 and 2.

    Raises:
        FileProblem: If it holds no VAE of a known layout.
    """
    header = read_header(path)
    weights = read_weights(path, _is_of_vae)
    if any(name.startswith("encoder.down_blocks.") for name in weights):
        weights = diffusers_vae_to_ldm(weights)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    inside = ldm_keys.VAE_PREFIX + "encoder.conv_in.weight" in shapes
    prefix = ldm_keys.VAE_PREFIX if inside else ""
    latents = _latents(header)
    config = vae_config(shapes, prefix, latents.scaling_factor)
    if "weft.config" in header.metadata:
        config = read_family(header).vae
        latents = latents_of(config)
    if not config or config.get("latent_channels", 4) != latents.channels:
        raise FileProblem(
            f"{path.name} holds no VAE of Stable Diffusion.",
            "Choose a VAE with four latent channels, as .safetensors.",
            "checkpoint.kind",
        )
    with unknown_keys_told(path):
        weights = ldm_keys.vae_from_ldm(weights, config, prefix)
    return make_vae(config, weights, latents, dtype, stamp(path))


def read_family(header: Header) -> Family:
    """Tell what a file holds: by its own configuration if it carries one, else by its shapes.

    Raises:
        FileProblem: If it is no Stable Diffusion checkpoint, or of a kind not known here.
    """
    own = header.metadata.get("weft.config")
    try:
        if own is None:
            return detect(header.shapes, header.metadata)
        config = json.loads(own)
        parts = [dict(config[part]) for part in ("unet", "vae", "text_encoder", "scheduler")]
        unet, vae, text_encoder, scheduler = parts
        words = dict(config["tokenizer"])
        return Family("weft", latents_of(vae), unet, vae, text_encoder, scheduler, words)
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
    blocks = len(family.unet["block_out_channels"]) * (family.unet["layers_per_block"] + 1)
    name = f"output_blocks.{blocks - 1}.1.transformer_blocks.0.norm1.bias"
    if weight(ldm_keys.UNET_PREFIX + name).float().std(correction=0) <= _SPREAD_OF_VELOCITY:
        return family
    return replace(family, scheduler=family.scheduler | {"prediction_type": "v_prediction"})


_SPREAD_OF_VELOCITY = 0.09


def _one(path: Path, name: str) -> Tensor:
    return read_weights(path, lambda found: found == name)[name]


def _file_weights(header: Header, family: Family) -> Weights:
    texts = text_places(header.shapes)
    prefixes = (ldm_keys.UNET_PREFIX, ldm_keys.VAE_PREFIX)
    mapped = read_weights(
        header.path,
        lambda name: name.startswith(prefixes) or any(text.holds(name) for text in texts),
    )
    configs = (family.text_encoder, family.text_encoder_2)
    with unknown_keys_told(header.path):
        encoders = [
            # A file's own configuration stands before what its shapes tell.
            replace(text, config=config).weights(mapped)
            for text, config in zip(texts, configs, strict=False)
            if config
        ]
        return Weights(
            ldm_keys.unet_from_ldm(mapped, family.unet),
            ldm_keys.vae_from_ldm(mapped, family.vae) if family.vae else {},
            *(encoders or [{}]),
        )


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


def _latents(header: Header) -> LatentFormat:
    xl = "xl" in header.metadata.get("modelspec.architecture", "").lower()
    return SDXL_LATENTS if xl else SD_LATENTS


def _is_of_vae(name: str) -> bool:
    name = name.removeprefix(ldm_keys.VAE_PREFIX)
    return name.startswith(("encoder.", "decoder.", "quant_conv.", "post_quant_conv."))
