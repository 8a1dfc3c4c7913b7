"""Networks out of a configuration and weights: built without memory, filled by assignment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.families import Config, Family, TextUse
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.tokenizer import ClipVocabulary, clip_vocabulary, vocabulary
from nodes.diffusion.vae import fit_rgb
from nodes.errors import FileProblem
from nodes.types import Clip, LatentFormat, Model, Vae

_PREDICTIONS = ("epsilon", "v_prediction", "sample")
_BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds; some lack a text encoder or a VAE."""

    family: str
    model: Model
    clip: Clip | None
    vae: Vae | None


@dataclass(frozen=True)
class Weights:
    """Mapped weights of a checkpoint's parts, under the names of diffusers and transformers 5."""

    unet: Mapping[str, Tensor]
    vae: Mapping[str, Tensor]
    text_encoder: Mapping[str, Tensor]
    text_encoder_2: Mapping[str, Tensor] = field(default_factory=dict)


def assemble(
    family: Family, weights: Weights, words: Sequence[ClipVocabulary], dtype: str, key: str
) -> Checkpoint:
    """Make models out of a checkpoint's configurations and weights.

    Args:
        family: The configurations.
        weights: The weights; parts without a configuration are passed over.
        words: The vocabulary of each text encoder.
        dtype: What to compute in; weights of another dtype are cast once.
        key: Names the weights.

    Raises:
        FileProblem: If a configuration and its weights do not agree.
    """
    vae = clip = None
    latents = family.latents
    if family.vae:
        vae = make_vae(family.vae, weights.vae, latents, dtype, key)
        latents = vae.latent_format
    if family.text_encoder:
        parts = [TextPart(family.text_encoder, weights.text_encoder, words[0])]
        if family.text_encoder_2:
            parts.append(TextPart(family.text_encoder_2, weights.text_encoder_2, words[1]))
        clip = make_clip(parts, family.text_use, dtype, key)
    network = make_unet(family.unet, weights.unet, dtype)
    model = Model(network, model_sampling(family.scheduler), latents, dtype, f"{key}#unet")
    return Checkpoint(family.name, model, clip, vae)


def make_unet(config: Config, weights: Mapping[str, Tensor], dtype: str) -> nn.Module:
    """Build a UNet2DConditionModel around weights named as in diffusers.

    Raises:
        FileProblem: If configuration and weights do not agree.
    """
    with torch.device("meta"):
        network = configured("UNet", UNet2DConditionModel.from_config, config)
    return filled(network, weights, dtype, "UNet")


def make_vae(
    config: Config, weights: Mapping[str, Tensor], latents: LatentFormat, dtype: str, key: str
) -> Vae:
    """Build a VAE around weights named as in diffusers.

    In half precision the decoder of Stable Diffusion overflows, so it computes in float32 then.

    Raises:
        FileProblem: If configuration and weights do not agree.
    """
    dtype = "float32" if dtype == "float16" else dtype
    with torch.device("meta"):
        network = configured("VAE", AutoencoderKL.from_config, config)
    network = filled(network, weights, dtype, "VAE")
    return Vae(network, latents if latents.rgb else fit_rgb(network, latents), dtype, f"{key}#vae")


@dataclass(frozen=True)
class TextPart:
    """One text encoder: configuration, weights named as in transformers 5, and vocabulary."""

    config: Config
    weights: Mapping[str, Tensor]
    words: ClipVocabulary


def make_clip(parts: Sequence[TextPart], use: TextUse, dtype: str, key: str) -> Clip:
    """Build one text encoder or two around their weights.

    Args:
        parts: The encoders; the last one's summary is the pooled text.
        use: Which hidden state is read.
        dtype: What to compute in.
        key: Names the weights.

    Raises:
        FileProblem: If configuration, weights and vocabulary do not agree.
    """
    encoders = [_text_encoder(part, dtype) for part in parts]
    clip = Clip(encoders[0], parts[0].words, f"{key}#clip", use.skip, use.normed)
    last = parts[-1].weights.get("text_projection.weight")
    if last is not None:
        with torch.device("meta"):
            projection: nn.Module = nn.Linear(last.shape[1], last.shape[0], bias=False)
        projection = filled(projection, {"weight": last}, dtype, "text projection")
        clip = replace(clip, projection=projection)
    if len(parts) == 1:
        return clip
    return replace(clip, second=encoders[1], second_tokenizer=parts[1].words)


def _text_encoder(part: TextPart, dtype: str) -> nn.Module:
    settings = configured("text encoder", CLIPTextConfig.from_dict, part.config)
    words = part.words
    if max(words.start, words.end, words.pad) >= settings.vocab_size:
        raise FileProblem(
            f"The text encoder knows {settings.vocab_size} tokens, and its vocabulary has more.",
            code="checkpoint.config",
        )
    with torch.device("meta"):
        encoder = CLIPTextModel(settings)
    # A buffer that is in no file, which the meta device has left without values.
    positions = torch.arange(settings.max_position_embeddings)[None]
    encoder.embeddings.register_buffer("position_ids", positions, persistent=False)
    weights = {name: w for name, w in part.weights.items() if not name.startswith("text_proj")}
    return filled(encoder, weights, dtype, "text encoder")


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


def model_sampling(config: Config) -> ModelSampling:
    """Make the noise levels of a model out of a scheduler's configuration.

    Raises:
        FileProblem: If it asks for what is not known here.
    """
    prediction = config.get("prediction_type", "epsilon")
    schedule = config.get("beta_schedule", "linear")
    if prediction not in _PREDICTIONS or schedule not in _BETA_SCHEDULES:
        raise FileProblem(
            f"The model predicts {prediction!r} under {schedule!r} noise, which is not known here.",
            code="checkpoint.config",
        )
    return ModelSampling.from_betas(
        schedule,
        float(config.get("beta_start", 0.0001)),
        float(config.get("beta_end", 0.02)),
        int(config.get("num_train_timesteps", 1000)),
        prediction=prediction,
        zero_snr=bool(config.get("rescale_betas_zero_snr", False)),
    )


def filled(network: nn.Module, weights: Mapping[str, Tensor], dtype: str, part: str) -> nn.Module:
    """Assign weights to a network that has none yet, and freeze it.

    Raises:
        FileProblem: If a weight is missing, surplus, or of another shape.
    """
    expected = network.state_dict()
    missing = sorted(expected.keys() - weights.keys())
    surplus = sorted(weights.keys() - expected.keys())
    if missing or surplus:
        what = f"lacks {missing[0]}" if missing else f"has {surplus[0]}, which does not belong"
        raise FileProblem(
            f"The {part} in this file {what} ({len(missing)} missing, {len(surplus)} surplus).",
            "Fetch the file again, or another export of the model.",
            "checkpoint.weights",
        )
    for name, tensor in expected.items():
        if tensor.shape != weights[name].shape:
            raise FileProblem(
                f"{name} of the {part} should have the shape {tuple(tensor.shape)}, "
                f"and has {tuple(weights[name].shape)}.",
                code="checkpoint.weights",
            )
    kind = getattr(torch, dtype)
    # A weight of the right dtype already is assigned as it is and stays mapped.
    network.load_state_dict(
        {name: weight.to(kind) for name, weight in weights.items()}, assign=True
    )
    network.requires_grad_(False).eval()
    left = [
        name
        for name, tensor in chain(network.named_parameters(), network.named_buffers())
        if tensor.is_meta
    ]
    if left:
        raise FileProblem(f"{left[0]} of the {part} got no values.", code="checkpoint.weights")
    return network


def configured(part: str, make: Any, config: Config) -> Any:
    """Build a part from its configuration.

    Raises:
        FileProblem: If the configuration is wrong.
    """
    try:
        return make(dict(config))
    except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError) as error:
        raise FileProblem(
            f"The configuration of the {part} is wrong: {error}.", code="checkpoint.config"
        ) from error
