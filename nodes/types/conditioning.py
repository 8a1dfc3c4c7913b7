"""What a denoiser is to follow: prompts, where and when they hold, and steering by pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from nodes.api import wire
from nodes.types.models import Hook, Model, Vae
from nodes.types.pictures import Latent, Mask
from nodes.types.tensor_file import STORED, Plain, stored


@stored
@dataclass(frozen=True)
class Area:
    """A rectangle of the picture: in pixels, or in fractions of its sides if `relative`."""

    width: float
    height: float
    x: float = 0
    y: float = 0
    relative: bool = False


@wire("CONTROL_NET")
@dataclass(frozen=True, eq=False)
class ControlNet:
    """A network that steers a denoiser by a picture.

    Attributes:
        network: A ControlNetModel, a ControlNetUnionModel, an SD3ControlNetModel, a
            FluxControlNetModel or a T2IAdapter of diffusers, frozen.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
        task: Of a union, which of its tasks it is to do; -1 names none.
    """

    network: nn.Module
    dtype: str
    key: str
    task: int = -1


@stored
@dataclass(frozen=True, eq=False)
class Control:
    """A ControlNet with its picture, as a part of a conditioning.

    Attributes:
        net: The network.
        hint: (B, 3|4, H, W) in [0, 1] at any resolution; a fourth channel says where to paint anew.
        strength: Factor on all that it adds to the denoiser.
        start: Fraction of the sampling at which it begins to hold, 0 being pure noise.
        end: Fraction of the sampling at which it ceases to hold.
        both: Whether it holds for the negative conditioning as well, unless that has others.
        vae: What encodes the hint, for a network that reads latents.
    """

    net: ControlNet
    hint: Tensor
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    both: bool = False
    vae: Vae | None = None


@wire("GLIGEN")
@dataclass(frozen=True, eq=False)
class Gligen:
    """Layers by which a denoiser puts things at places.

    Attributes:
        network: `position`, a GLIGENTextBoundingboxProjection, and `fusers`, one
            GatedSelfAttentionDense for each of the places; of diffusers, frozen.
        places: Names of the denoiser's blocks that they stand in.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
    """

    network: nn.Module
    places: tuple[str, ...]
    dtype: str
    key: str


@stored
@dataclass(frozen=True, eq=False)
class Grounding:
    """Things at places, as a part of a conditioning.

    Attributes:
        gligen: What places them.
        boxes: (N, 4): left, top, right and bottom of each, in pixels.
        texts: (N, P), the summaries of what they are.
    """

    gligen: Gligen
    boxes: Tensor
    texts: Tensor


@stored
@dataclass(frozen=True, eq=False)
class Cond:
    """One thing to condition on, where in the picture, when, and how strongly.

    Attributes:
        embeds: (1|B, T, C) sequence for cross-attention.
        pooled: (1|B, P) summary of the whole text, for models that take one.
        strength: Weight against other parts that cover the same place.
        area: The rectangle it holds for; None is all.
        mask: Where it holds and how much, at any resolution; None is everywhere.
        mask_strength: Factor on the mask.
        mask_bounds: Compute on the mask's bounding rectangle only.
        start: Fraction of the sampling at which it begins to hold, 0 being pure noise.
        end: Fraction of the sampling at which it ceases to hold.
        extras: What else a model family takes: tensors, or plain values.
        controls: What steers it by pictures; it is summed.
        references: Pictures to look at, for models that edit by them.
        grounding: What is to be where.
        hooks: Changes of the denoiser's weights that hold for it.
        default: Whether it holds where no other part does, and no more than they leave.
        model: The denoiser that follows it, instead of the one that is sampled with.
    """

    embeds: Tensor
    pooled: Tensor | None = None
    strength: float = 1.0
    area: Area | None = None
    mask: Mask | None = None
    mask_strength: float = 1.0
    mask_bounds: bool = False
    start: float = 0.0
    end: float = 1.0
    extras: Mapping[str, Tensor | Plain] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()
    references: tuple[Latent, ...] = ()
    grounding: Grounding | None = None
    hooks: tuple[Hook, ...] = ()
    default: bool = False
    model: Model | None = None


@wire("CONDITIONING", codec=STORED)
@stored
@dataclass(frozen=True, eq=False)
class Conditioning:
    """Parts that hold together: their predictions are averaged where they overlap."""

    parts: tuple[Cond, ...]


@wire("TIMESTEPS_RANGE", usual="ConditioningTimestepsRange")
@dataclass(frozen=True)
class TimestepsRange:
    """A part of a sampling, in fractions: 0 is pure noise, 1 the finished picture."""

    start: float
    end: float


@wire("CLIP_VISION_OUTPUT", codec=STORED)
@stored
@dataclass(frozen=True, eq=False)
class ClipVisionOutput:
    """What an image encoder says of pictures; float32 on the CPU.

    Attributes:
        image_embeds: (B, P) summary, in the space that texts share.
        last_hidden_state: (B, T, C), one vector for the whole and one for each patch.
        penultimate_hidden_states: (B, T, C), those before the last layer.
    """

    image_embeds: Tensor
    last_hidden_state: Tensor
    penultimate_hidden_states: Tensor
