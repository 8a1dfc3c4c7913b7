"""What enlarges pictures in stages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nodes.api import wire
from nodes.types.models import Model, ModelSampling, Vae
from nodes.types.pictures import Image

# How an upscaler sees the small picture, and what it makes:
# nodes/diffusion/cascades/small_pictures.py.
UpscalerKind: TypeAlias = Literal["detail", "picture", "stretched", "latent"]


@wire("DIFFUSION_UPSCALER")
@dataclass(frozen=True, eq=False)
class DiffusionUpscaler:
    """A diffusion model that enlarges pictures, and sees the small one at every step.

    Attributes:
        model: The denoiser.
        scale: Factor on the sides.
        kind: How it sees the small picture, and what it makes.
        most_noise: The highest level of noise that was added to small pictures in training, a
            timestep of `noising`.
        noising: The levels of that noise; None where there was none.
        vae: Between pictures and the model's latents; None for a model on pixels.
        detail: Factor on the pixels that are folded into channels.
    """

    model: Model
    scale: int
    kind: UpscalerKind = "detail"
    most_noise: int = 0
    noising: ModelSampling | None = None
    vae: Vae | None = None
    detail: float = 1.0


@dataclass(frozen=True)
class Cost:
    """What work takes.

    Attributes:
        operations: Floating-point operations.
        peak_bytes: The most memory that stands at once, beside weights.
    """

    operations: float
    peak_bytes: int


@wire("CASCADE_STAGE")
@dataclass(frozen=True, eq=False)
class CascadeStage:
    """One stage of a cascade: how a picture becomes a larger, or a better, one.

    Attributes:
        title: What it is, in a few words.
        scale: Factor on the sides.
        run: Takes an `Image` as `image`, and as `ctx` a context, and gives an `Image`; None where
            it stands for several.
        from_latent: Whether `run` takes a `Latent` as `latent` instead of an image as well.
        tile: Side of a tile in pixels of what is made; 0 if it takes the picture as a whole.
        overlap: What neighbouring tiles share.
        tiled: Gives the same stage with tiles of another size.
        cost: Gives what one tile of a size costs.
        parts: The stages that it stands for, in order; none if it is one itself.
    """

    title: str
    scale: float
    run: Callable[..., Image] | None = None
    from_latent: bool = False
    tile: int = 0
    overlap: int = 0
    tiled: "Callable[[int], CascadeStage] | None" = None
    cost: Callable[[int], Cost] | None = None
    parts: "tuple[CascadeStage, ...]" = ()
