"""Stable Cascade: a strongly reduced picture by the text, then latents that show it, then pixels.

Stage C denoises 16 numbers for squares of 42 pixels, stage B latents of 4 pixels that see what
stage C made at every step, and stage A is the decoder of these. Both predict noise that was
scheduled by a cosine, and are told the time from 1 to 0. Pernias et al. 2023, Würstchen: An
Efficient Architecture for Large-Scale Text-to-Image Diffusion Models, arXiv:2306.00637.
"""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from diffusers.models.unets.unet_stable_cascade import StableCascadeUNet
from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import PaellaVQModel
from torch import Tensor

from nodes.diffusion.files.checkpoint_file import stamp
from nodes.diffusion.files.checkpoint_folder import read_json, read_part, read_text_encoders
from nodes.diffusion.files.checkpoint_networks import Checkpoint, configured, filled, wide_half
from nodes.diffusion.files.families import TextUse
from nodes.diffusion.files.weight_shapes import Config
from nodes.diffusion.memory.missing_part import missing_clip, missing_vae
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.pixel_space import as_encoded
from nodes.diffusion.text.encoders import make_clip
from nodes.errors import NodeError
from nodes.types import Clip, LatentFormat, Model, Plain, Vae

# Sides of what stage C reduces to a cell, in pixels; by default 1024 become 24 cells.
COMPRESSION = 42
STAGE_C = LatentFormat(16, 1.0, downscale=COMPRESSION)
# What stage A was trained without: the factor that brings its latents to unit variance.
_UNIT = 0.3764
STAGE_B = LatentFormat(4, 1 / _UNIT, downscale=4)
# Under this name a conditioning holds what stage C made.
REDUCED = "reduced_picture"

_PIPELINES = {"StableCascadePriorPipeline": "prior", "StableCascadeDecoderPipeline": "decoder"}


class StageUNet(StableCascadeUNet):
    """A stage's network, which is called as a UNet2DConditionModel is."""

    def forward(self, *given: Any, **named: Any) -> Any:
        """Predict the noise in (B, C, h, w) at a time (B,) from 1, which is noise alone, to 0."""
        sample, timestep = given
        config: Any = self.config
        added = named["added_cond_kwargs"]
        reads: dict[str, Any] = {"effnet": added.get("effnet")}
        if config.clip_text_in_channels:
            image = sample.new_zeros(len(sample), 1, config.clip_image_in_channels)
            reads |= {"clip_text": named["encoder_hidden_states"], "clip_img": image}
        pooled = added["text_embeds"].to(sample)[:, None]
        if reads["effnet"] is not None:
            reads["effnet"] = reads["effnet"].to(sample)
        return super().forward(
            sample, timestep.to(sample.dtype), pooled, return_dict=False, **reads
        )

    def added_conditions(
        self, pooled: Tensor | None, extras: Mapping[str, Tensor | Plain]
    ) -> dict[str, Tensor]:
        """Name what it is told beside the text; see `network_calls`.

        Raises:
            NodeError: If the text has no summary.
        """
        if pooled is None:
            raise NodeError(
                "Stable Cascade reads a summary of the prompt, and this one has none.",
                "Encode the prompt with the text encoder that belongs to the model.",
                "conditioning.width",
            )
        config: Any = self.config
        channels = config.effnet_in_channels
        if not channels:
            return {"text_embeds": pooled}
        reduced = extras.get(REDUCED)
        nothing = torch.zeros(1, channels, 1, 1)
        return {
            "text_embeds": pooled,
            "effnet": reduced if isinstance(reduced, Tensor) else nothing,
        }


class StageA(PaellaVQModel):
    """Stable Cascade's coder, which is called as an AutoencoderKL is."""

    def encode(self, pictures: Tensor) -> Any:
        """Encode pictures (B, 3, H, W) in [-1, 1]."""
        return as_encoded(super().encode(pictures / 2 + 0.5).latents)

    def decode(self, latents: Tensor) -> Any:
        """Decode latents to pictures in [-1, 1]."""
        return SimpleNamespace(sample=super().decode(latents).sample * 2 - 1)


def is_stage(folder: Path) -> bool:
    """Say whether a folder that diffusers has written holds a stage of Stable Cascade."""
    return read_json(folder, "model_index.json").get("_class_name") in _PIPELINES


def load_stage(folder: Path, dtype: str) -> Checkpoint:
    """Load stage C, or stage B with stage A as its VAE, and the text encoder.

    Args:
        folder: That of diffusers' prior or decoder pipeline.
        dtype: What to compute in; float16 is too narrow, so that it computes in bfloat16 then.

    Raises:
        FileProblem: If a part is missing or damaged.
    """
    index, key = read_json(folder, "model_index.json"), stamp(folder)
    part = _PIPELINES[index["_class_name"]]
    config = read_json(folder / part, "config.json")
    model = make_stage(config, read_part(folder / part), dtype, key)
    vae = missing_vae(folder.name, model.latent_format, key)
    if part == "decoder":
        vae = make_stage_a(
            read_json(folder / "vqgan", "config.json"), read_part(folder / "vqgan"), key
        )
    texts = read_text_encoders(folder, index, "stable cascade")
    clip: Clip = missing_clip(folder.name, key)
    if texts:
        clip = make_clip(texts, TextUse(normed=False), dtype, key, "stable cascade")
    return Checkpoint(f"stable-cascade-{part}", model, clip, vae)


def make_stage(config: Config, weights: Mapping[str, Tensor], dtype: str, key: str) -> Model:
    """Build the model of stage B or C around its weights.

    Args:
        config: Of a StableCascadeUNet.
        weights: Under the names of diffusers.
        dtype: What to compute in; float16 is too narrow, so that it computes in bfloat16 then.
        key: Names the weights.

    Raises:
        FileProblem: If configuration and weights do not agree.
    """
    with torch.device("meta"):
        network = configured("UNet", StageUNet.from_config, config)
    dtype = wide_half(dtype)
    network = filled(network, weights, dtype, "UNet")
    if config.get("effnet_in_channels"):
        return Model(network, ModelSampling.from_cosine(), STAGE_B, dtype, f"{key}#unet")
    # Stage C is sampled with more of its steps where the composition is made, as its makers do.
    return Model(network, ModelSampling.from_cosine(shift=2.0), STAGE_C, dtype, f"{key}#unet")


def make_stage_a(config: Config, weights: Mapping[str, Tensor], key: str) -> Vae:
    """Build stage A around its weights.

    Args:
        config: Of a PaellaVQModel.
        weights: Under the names of diffusers.
        key: Names the weights.

    Raises:
        FileProblem: If configuration and weights do not agree.
    """
    with torch.device("meta"):
        network = configured("VAE", StageA.from_config, config)
    network = filled(network, weights, "float32", "VAE")
    return Vae(network, STAGE_B, "float32", f"{key}#vae")
