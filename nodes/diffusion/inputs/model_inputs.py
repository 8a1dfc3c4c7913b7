"""What a network reads beside the text: sizes, strengths, and pictures to edit or paint into."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from diffusers import ChromaTransformer2DModel, FluxTransformer2DModel
from torch import Tensor, nn

from nodes.diffusion.adapters.control import shared
from nodes.diffusion.adapters.gligen import shared_grounding, told_things
from nodes.diffusion.inputs.references import told_references
from nodes.diffusion.inputs.unclip import reads_pictures, told_pictures
from nodes.diffusion.inputs.video import is_video, told_motion
from nodes.diffusion.inputs.zero123 import projected
from nodes.diffusion.latent_space import picture_in, scaled
from nodes.diffusion.network_calls import GUIDANCE, input_channels, is_joint
from nodes.diffusion.pixel_space import COLOURS
from nodes.errors import NodeError
from nodes.imaging.batches import as_many
from nodes.types import Cond, Conditioning, Latent, Model, Plain

# The aesthetic scores that SDXL's refiner is told where nothing else is asked for.
SCORE, NEGATIVE_SCORE = 6.0, 2.5

# A grey picture in the latents of Stable Diffusion 1 and 2: what hides the part to be painted.
_GREY = (0.8223, -0.6876, 0.6364, 0.1380)

Extras = Mapping[str, Tensor | Plain]


def completed(
    conditionings: tuple[Conditioning, ...], model: Model, latent: Latent
) -> tuple[Conditioning, ...]:
    """Give every part what the model reads beside the text, as tensors among its extras.

    `time_ids` are the sizes for SDXL (Podell et al. 2023, arXiv:2307.01952, 2.2): those that the
    prompt names, or else the latent's. `guidance` is the strength that Flux was taught to follow by
    itself. `concat` is what stands behind the latent's channels: an editing model's picture, or an
    inpainting model's picture and mask.

    Args:
        conditionings: The last of several is what is led away from.
        model: Its configuration says what it reads.
        latent: What is sampled; `samples` in the model's channels.

    Raises:
        NodeError: If the text was encoded for another family, or the latent is too large.
    """
    _check_size(model, latent)
    conditionings = shared_grounding(shared(conditionings))
    last = len(conditionings) - 1
    return tuple(
        Conditioning(
            tuple(_whole(part, part.model or model, latent, 0 < n == last) for part in each.parts)
        )
        for n, each in enumerate(conditionings)
    )


def _whole(part: Cond, model: Model, latent: Latent, away: bool) -> Cond:
    config: Any = getattr(model.network, "config", None)
    if getattr(config, "addition_embed_type", None) == "text_time":
        part = _sized(part, model, latent, away)
    part = told_things(projected(part, model), latent, model.latent_format.downscale)
    if is_video(model.network):
        part = told_motion(part, latent)
    if reads_pictures(model.network):
        part = told_pictures(part, model)
    if isinstance(model.network, ChromaTransformer2DModel):
        # It reads no summary of the text.
        part = replace(part, pooled=None)
    elif is_joint(model.network):
        part = _guided(part, model)
    if isinstance(model.network, FluxTransformer2DModel):
        told = told_references(part, latent.samples, model.latent_format)
        part = replace(part, extras={**part.extras, **told})
    channels = latent.samples.shape[1]
    more = input_channels(model.network) - channels
    if more == COLOURS or "small_picture" in part.extras:
        return _enlarged_from(part, latent)
    behind = _BEHIND.get(more, {}).get(channels)
    return part if behind is None else behind(part, latent, model)


def _check_size(model: Model, latent: Latent) -> None:
    config: Any = getattr(model.network, "config", None)
    most = getattr(config, "pos_embed_max_size", None)
    if most is None:
        return
    cells = most * config.patch_size
    height, width = latent.samples.shape[-2:]
    if max(height, width) > cells:
        scale = model.latent_format.downscale
        raise NodeError(
            f"This model knows pictures of at most {cells * scale} pixels a side, and this one has "
            f"{width * scale} x {height * scale}.",
            "Sample a smaller latent, and enlarge the picture afterwards.",
            "latent.size",
        )


def _guided(part: Cond, model: Model) -> Cond:
    config: Any = model.network.config
    count = 0 if part.pooled is None else part.pooled.shape[1]
    if count != config.pooled_projection_dim:
        raise NodeError(
            f"The prompt's summary has {count} numbers, but the model reads "
            f"{config.pooled_projection_dim}.",
            "Encode the prompt with the text encoders that belong to the model.",
            "conditioning.width",
        )
    rest = {name: value for name, value in part.extras.items() if name != "guidance"}
    unguided = part.extras.get("guidance", GUIDANCE) is None
    if getattr(config, "guidance_embeds", False) and not unguided:
        guidance = _number(part.extras, "guidance", GUIDANCE)
        rest["guidance"] = torch.tensor([guidance], dtype=torch.float32)
    return replace(part, extras=rest)


def _sized(part: Cond, model: Model, latent: Latent, away: bool) -> Cond:
    config: Any = model.network.config
    said, scale = part.extras, model.latent_format.downscale
    height = _number(said, "height", latent.samples.shape[2] * scale)
    width = _number(said, "width", latent.samples.shape[3] * scale)
    sizes = [height, width, _number(said, "crop_h", 0), _number(said, "crop_w", 0)]
    pooled = 0 if part.pooled is None else part.pooled.shape[1]
    count = (config.projection_class_embeddings_input_dim - pooled) / config.addition_time_embed_dim
    if count == 6:
        sizes += [_number(said, "target_height", height), _number(said, "target_width", width)]
    elif count == 5:
        sizes.append(_number(said, "aesthetic_score", NEGATIVE_SCORE if away else SCORE))
    else:
        raise NodeError(
            f"The prompt's summary has {pooled} numbers, which is not what the model reads.",
            "Encode the prompt with the text encoder that belongs to the model.",
            "conditioning.width",
        )
    rest = {name: value for name, value in said.items() if name not in _SIZES}
    return replace(part, extras=rest | {"time_ids": torch.tensor([sizes], dtype=torch.float32)})


_SIZES = frozenset(
    {"width", "height", "crop_w", "crop_h", "target_width", "target_height", "aesthetic_score"}
)


def _number(said: Extras, name: str, otherwise: float) -> float:
    value = said.get(name, otherwise)
    return float(value) if isinstance(value, int | float) else otherwise


def _painted_into(part: Cond, latent: Latent, model: Model) -> Cond:
    """Put the mask, and behind it the picture that it hides a part of."""
    mask, picture = _hidden(part, latent, model)
    x = latent.samples
    if mask is None:
        # With nothing to keep, all is to be painted, over grey.
        mask, picture = torch.ones_like(x[:1, :1]), torch.tensor(_GREY).reshape(1, -1, 1, 1).to(x)
        picture = picture.expand_as(x[:1])
    return _with_concat(part, _to_size(mask.to(x), x).round(), _to_size(picture.to(x), x))


def _filled_in(part: Cond, latent: Latent, model: Model) -> Cond:
    """Put the picture, and behind it every pixel of the mask: Flux Fill."""
    mask, picture = _hidden(part, latent, model)
    x, scale = latent.samples, model.latent_format.downscale
    if mask is None:
        mask, picture = torch.ones_like(x[:1, :1]), _unshown(x, model)
    height, width = x.shape[-2:]
    pixels = nn.functional.interpolate(mask.to(x), (height * scale, width * scale)).round()
    cells = nn.functional.pixel_unshuffle(pixels, scale)
    return _with_concat(part, _to_size(picture.to(x), x), cells)


def _enlarged_from(part: Cond, latent: Latent) -> Cond:
    """Put the small picture that an upscaler enlarges."""
    small = part.extras.get("small_picture")
    if not isinstance(small, Tensor):
        raise NodeError(
            "This model enlarges a picture, and the prompt brings none.",
            "Use the nodes for diffusion upscalers.",
            "conditioning.picture",
        )
    return _with_concat(part, _to_size(small.to(latent.samples), latent.samples))


def _shown(part: Cond, latent: Latent, model: Model) -> Cond:
    """Put a picture; where none is shown, what a VAE would have given as zeros."""
    x = latent.samples
    picture = part.extras.get("edit_picture")
    if not isinstance(picture, Tensor):
        return _with_concat(part, _unshown(x, model))
    picture = picture_in(picture.to(x), part.extras, model.latent_format)
    return _with_concat(part, _to_size(picture, x))


def _unshown(x: Tensor, model: Model) -> Tensor:
    """Stand in for a picture: zeros of a VAE, in the model's space, as everywhere in the field."""
    return scaled(torch.zeros_like(x[:1]), model.latent_format)


def _shown_raw(part: Cond, latent: Latent, model: Model) -> Cond:
    """Put a picture as the VAE gives it: InstructPix2Pix was trained without the scale."""
    shown = _shown(part, latent, model)
    concat = shown.extras["concat"]
    if isinstance(concat, Tensor):
        concat = concat / model.latent_format.scaling_factor
    return replace(shown, extras={**shown.extras, "concat": concat})


def _hidden(part: Cond, latent: Latent, model: Model) -> tuple[Tensor | None, Tensor]:
    """Find the mask, if there is any, and the picture under it in the model's space."""
    mask, picture = part.extras.get("inpaint_mask"), part.extras.get("inpaint_picture")
    if not isinstance(mask, Tensor) and latent.mask is not None:
        mask = latent.mask.values
    if isinstance(picture, Tensor):
        picture = picture_in(picture, part.extras, model.latent_format)
    else:
        picture = latent.samples
    return mask if isinstance(mask, Tensor) else None, picture


def _with_concat(part: Cond, *planes: Tensor) -> Cond:
    count = max(len(each) for each in planes)
    concat = torch.cat([as_many(each, count) for each in planes], dim=1)
    rest = {name: v for name, v in part.extras.items() if name not in _PICTURES}
    return replace(part, extras=rest | {"concat": concat})


_PICTURES = frozenset(
    {
        "inpaint_mask",
        "inpaint_picture",
        "edit_picture",
        "small_picture",
        "picture_scaling",
        "picture_shift",
        "picture_means",
        "picture_deviations",
    }
)

# By the channels that a network reads behind the latent's, and by those.
_BEHIND: Mapping[int, Mapping[int, Callable[[Cond, Latent, Model], Cond]]] = {
    4: {4: _shown_raw},
    5: {4: _painted_into},
    16: {16: _shown},
    80: {16: _filled_in},
}


def _to_size(planes: Tensor, like: Tensor) -> Tensor:
    if planes.shape[-2:] == like.shape[-2:]:
        return planes
    return nn.functional.interpolate(planes, like.shape[-2:], mode="bilinear")
