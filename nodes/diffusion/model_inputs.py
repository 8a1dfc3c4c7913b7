"""What a network reads beside the text: sizes, and the picture to be painted into."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.control import shared
from nodes.errors import NodeError
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
    prompt names, or else the latent's. `beside` is what an inpainting model reads beside the
    latent: the mask and the masked picture.

    Args:
        conditionings: The last of several is what is led away from.
        model: Its configuration says what it reads.
        latent: What is sampled; `samples` in the model's channels.

    Raises:
        NodeError: If the text was encoded for another family.
    """
    conditionings = shared(conditionings)
    config: Any = getattr(model.network, "config", None)
    if getattr(config, "addition_embed_type", None) == "text_time":
        last = len(conditionings) - 1
        conditionings = tuple(
            _each(
                conditioning, lambda part, away=0 < place == last: _sized(part, model, latent, away)
            )
            for place, conditioning in enumerate(conditionings)
        )
    if getattr(config, "in_channels", 0) == 2 * model.latent_format.channels + 1:
        conditionings = tuple(
            _each(conditioning, lambda part: _painted_into(part, latent))
            for conditioning in conditionings
        )
    return conditionings


def _each(conditioning: Conditioning, change: Any) -> Conditioning:
    return Conditioning(tuple(change(part) for part in conditioning.parts))


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


def _painted_into(part: Cond, latent: Latent) -> Cond:
    mask, picture = part.extras.get("inpaint_mask"), part.extras.get("inpaint_picture")
    x = latent.samples
    if not isinstance(mask, Tensor) and latent.mask is not None:
        mask = latent.mask.values
    if not isinstance(mask, Tensor):
        # With nothing to keep, all is to be painted, over grey.
        grey = torch.tensor(_GREY).reshape(1, -1, 1, 1).to(x)
        beside = torch.cat([torch.ones_like(x[:1, :1]), grey.expand_as(x[:1])], dim=1)
    else:
        picture = picture.to(x) if isinstance(picture, Tensor) else x
        mask = _to_size(mask.to(x), x).round()
        count = max(len(mask), len(picture))
        parts = (mask, _to_size(picture, x))
        beside = torch.cat([t.repeat(-(-count // len(t)), 1, 1, 1)[:count] for t in parts], dim=1)
    rest = {name: v for name, v in part.extras.items() if not name.startswith("inpaint_")}
    return replace(part, extras=rest | {"beside": beside})


def _to_size(planes: Tensor, like: Tensor) -> Tensor:
    if planes.shape[-2:] == like.shape[-2:]:
        return planes
    return nn.functional.interpolate(planes, like.shape[-2:], mode="bilinear")
