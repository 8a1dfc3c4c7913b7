"""What flows on wires: frozen values, whose tensors nobody changes in place."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from nodes.api import wire

Plain: TypeAlias = bool | int | float | str | Sequence["Plain"] | Mapping[str, "Plain"] | None


class TensorFile:
    """Keep wire values in a file: a length, a JSON header, then every tensor's bytes.

    It holds for frozen dataclasses of this module that are made of tensors, plain JSON values,
    tuples, string-keyed mappings and one another. A value that is read back is mapped: its bytes
    come into memory as they are looked at.
    """

    def nbytes(self, value: object) -> int:
        """Count the bytes of every tensor in a value, one that appears twice once."""
        tensors: list[Tensor] = []
        _describe(value, tensors)
        return sum(tensor.nbytes for tensor in tensors)

    def dump(self, value: object, path: Path) -> None:
        """Write a value to a file.

        Raises:
            UnsupportedOperation: If it is a conditioning by a ControlNet, which stays in memory.
            TypeError: If the value holds something that is neither data nor a tensor.
        """
        if isinstance(value, Conditioning) and any(part.controls for part in value.parts):
            raise UnsupportedOperation("A conditioning by a ControlNet is not written to a file.")
        tensors: list[Tensor] = []
        tree = _describe(value, tensors)
        kinds = [{"dtype": str(t.dtype)[6:], "shape": list(t.shape)} for t in tensors]
        header = json.dumps({"value": tree, "tensors": kinds}).encode()
        with path.open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for tensor in tensors:
                file.write(bytes(-file.tell() % _ALIGNMENT))
                raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
                file.write(raw.numpy().data)

    def load(self, path: Path) -> Any:
        """Read a value back; its tensors are equal to those written, bit by bit."""
        size = path.stat().st_size
        mapped = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)
        place = 8 + int.from_bytes(bytes(mapped[:8].tolist()), "little")
        header = json.loads(bytes(mapped[8:place].numpy()))
        tensors: list[Tensor] = []
        for kind in header["tensors"]:
            dtype = getattr(torch, kind["dtype"])
            place += -place % _ALIGNMENT
            end = place + math.prod(kind["shape"]) * dtype.itemsize
            tensors.append(mapped[place:end].view(dtype).reshape(kind["shape"]))
            place = end
        return _rebuild(header["value"], tensors)


# Tensors begin where any dtype may begin, and where a cache line does.
_ALIGNMENT = 64

STORED = TensorFile()


@wire("IMAGE", codec=STORED)
@dataclass(frozen=True, eq=False)
class Image:
    """A batch of pictures.

    Attributes:
        pixels: float32 (B, 3|4, H, W), RGB or RGBA (not premultiplied) in [0, 1], on the CPU.
    """

    pixels: Tensor


@wire("MASK", codec=STORED)
@dataclass(frozen=True, eq=False)
class Mask:
    """A batch of masks.

    Attributes:
        values: float32 (B, 1, H, W) in [0, 1], 1 = to be painted, on the CPU.
    """

    values: Tensor


@dataclass(frozen=True)
class LatentFormat:
    """The space a VAE encodes to, and how to see it without one.

    Attributes:
        channels: Latent channels.
        scaling_factor: Scaled latents are (raw - shift) * scaling_factor.
        downscale: Pixels per latent cell along each side.
        shift: See scaling_factor.
        rgb: For each latent channel, what it adds to red, green and blue in [-1, 1]; empty if
            not known.
        rgb_bias: Red, green and blue of a zero latent.
    """

    channels: int
    scaling_factor: float
    downscale: int = 8
    shift: float = 0.0
    rgb: tuple[tuple[float, float, float], ...] = ()
    rgb_bias: tuple[float, float, float] = (0.0, 0.0, 0.0)


@wire("LATENT", codec=STORED)
@dataclass(frozen=True, eq=False)
class Latent:
    """A batch of latents.

    Attributes:
        samples: float32 (B, C, h, w) in a scaled latent space, on the CPU.
        mask: Where to sample, at any resolution; None samples everywhere.
        batch_index: The place of each element in the batch it was cut from, which fixes its noise.
        space: The latent space, as far as it is known; None is that of whoever reads it. A VAE's
            file does not tell its scale, so that a model's may differ; readers convert.
    """

    samples: Tensor
    mask: Mask | None = None
    batch_index: tuple[int, ...] | None = None
    space: LatentFormat | None = None


@dataclass(frozen=True)
class Area:
    """A rectangle of the picture: in pixels, or in fractions of its sides if `relative`."""

    width: float
    height: float
    x: float = 0
    y: float = 0
    relative: bool = False


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
    controls: "tuple[Control, ...]" = ()


@wire("CONDITIONING", codec=STORED)
@dataclass(frozen=True, eq=False)
class Conditioning:
    """Parts that hold together: their predictions are averaged where they overlap."""

    parts: tuple[Cond, ...]


class ModelSampling(Protocol):
    """How a network's output and its timesteps relate to x = x0 + sigma * noise."""

    @property
    def prediction(self) -> str: ...
    @property
    def clock(self) -> str: ...
    @property
    def sigmas(self) -> Tensor: ...
    @property
    def sigma_min(self) -> float: ...
    @property
    def sigma_max(self) -> float: ...
    def timestep(self, sigma: Tensor | float) -> Tensor: ...
    def sigma(self, timestep: Tensor | float) -> Tensor: ...
    def input(self, x: Tensor, sigma: Tensor | float) -> Tensor: ...
    def denoised(self, output: Tensor, x: Tensor, sigma: Tensor | float) -> Tensor: ...
    def noised(self, x0: Tensor, noise: Tensor, sigma: Tensor | float) -> Tensor: ...


class Tokenizer(Protocol):
    """Turns a word or a phrase into ids of a text encoder's vocabulary.

    `length` is how many ids CLIP takes at once, and how many T5 is given at the least; `start` is
    None where texts begin without a mark.
    """

    @property
    def length(self) -> int: ...
    @property
    def start(self) -> int | None: ...
    @property
    def end(self) -> int: ...
    @property
    def pad(self) -> int: ...
    def ids(self, text: str) -> tuple[int, ...]: ...


@wire("MODEL")
@dataclass(frozen=True, eq=False)
class Model:
    """A denoiser.

    Attributes:
        network: A UNet2DConditionModel, SD3Transformer2DModel or FluxTransformer2DModel of
            diffusers, frozen, in its stored dtype.
        sampling: Its parameterisation.
        latent_format: The latent space it works in.
        dtype: Name of the dtype to compute in, such as "float32".
        key: Names the weights: equal keys are equal weights.
        patches: What changes the network's work without changing its weights, in order.
    """

    network: nn.Module
    sampling: ModelSampling
    latent_format: LatentFormat
    dtype: str
    key: str
    patches: tuple[object, ...] = ()


TextJoin: TypeAlias = Literal["side by side", "sd3", "flux"]


@wire("CLIP")
@dataclass(frozen=True, eq=False)
class Clip:
    """A text encoder, or several that a model reads together.

    Attributes:
        encoder: A CLIPTextModel or a T5EncoderModel of transformers, frozen.
        tokenizer: Its vocabulary.
        key: Names the weights.
        skip: Which hidden state of CLIP is taken, counted from the end: 1 is the last.
        normed: Whether the final normalisation is applied to it.
        second: Another encoder.
        second_tokenizer: Its vocabulary.
        projection: What the summary of the last CLIP goes through; None leaves it as it is.
        third: One more encoder.
        third_tokenizer: Its vocabulary.
        join: How what the encoders say is put together: their numbers stand side by side, or as
            Stable Diffusion 3 or Flux reads them.
        on_cpu: Whether it computes on the CPU, wherever the denoiser does.
    """

    encoder: nn.Module
    tokenizer: Tokenizer
    key: str
    skip: int = 1
    normed: bool = True
    second: nn.Module | None = None
    second_tokenizer: Tokenizer | None = None
    projection: nn.Module | None = None
    third: nn.Module | None = None
    third_tokenizer: Tokenizer | None = None
    join: TextJoin = "side by side"
    on_cpu: bool = False


@wire("VAE")
@dataclass(frozen=True, eq=False)
class Vae:
    """A variational autoencoder between pictures and latents.

    Attributes:
        network: An AutoencoderKL of diffusers, frozen.
        latent_format: The latent space it encodes to, scaling included.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
    """

    network: nn.Module
    latent_format: LatentFormat
    dtype: str
    key: str


@wire("NOISE")
@dataclass(frozen=True)
class Noise:
    """Where noise comes from: the seed of a CPU generator, or None for no noise."""

    seed: int | None


@wire("SIGMAS", codec=STORED)
@dataclass(frozen=True, eq=False)
class Sigmas:
    """Noise levels (N,) to step through, descending, usually to 0."""

    values: Tensor


@wire("SAMPLER")
@dataclass(frozen=True)
class Sampler:
    """A solver by name, with its options."""

    name: str
    options: Mapping[str, float | int | str | bool] = field(default_factory=dict)


@wire("LATENT_OPERATION")
@dataclass(frozen=True)
class LatentOperation:
    """A change of latents by name, with its numbers; see nodes/diffusion/latent_operations.py."""

    name: str
    options: Mapping[str, float] = field(default_factory=dict)


@wire("GUIDER")
@dataclass(frozen=True, eq=False)
class Guider:
    """How predictions under several conditionings become one.

    Attributes:
        model: The denoiser.
        kind: Which rule: "basic" follows the first conditioning, "cfg" is classifier-free guidance,
            "dual" and "dual_nested" are such guidance in two steps.
        conditionings: What the rule is given, in its order: positive first, negative last.
        options: Numbers of the rule, such as {"scale": 7.5}.
    """

    model: Model
    kind: str
    conditionings: tuple[Conditioning, ...]
    options: Mapping[str, float] = field(default_factory=dict)


# How an upscaler sees the small picture, and what it makes; see nodes/diffusion/small_pictures.py.
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
        run: Takes an `Image`, and as `ctx` a context, and gives an `Image`; None where it stands
            for several.
        tile: Side of a tile in pixels of what is made; 0 if it takes the picture as a whole.
        overlap: What neighbouring tiles share.
        tiled: Gives the same stage with tiles of another size.
        cost: Gives what one tile of a size costs.
        parts: The stages that it stands for, in order; none if it is one itself.
    """

    title: str
    scale: float
    run: Callable[..., Image] | None = None
    tile: int = 0
    overlap: int = 0
    tiled: "Callable[[int], CascadeStage] | None" = None
    cost: Callable[[int], Cost] | None = None
    parts: "tuple[CascadeStage, ...]" = ()


@wire("CONTROL_NET")
@dataclass(frozen=True, eq=False)
class ControlNet:
    """A network that steers a denoiser by a picture.

    Attributes:
        network: A ControlNetModel or a ControlNetUnionModel of diffusers, frozen.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
        task: Of a union, which of its tasks it is to do; -1 names none.
    """

    network: nn.Module
    dtype: str
    key: str
    task: int = -1


@dataclass(frozen=True, eq=False)
class Control:
    """A ControlNet with its picture, as a part of a conditioning.

    Attributes:
        net: The network.
        hint: (B, 3, H, W) in [0, 1] at any resolution.
        strength: Factor on all that it adds to the denoiser.
        start: Fraction of the sampling at which it begins to hold, 0 being pure noise.
        end: Fraction of the sampling at which it ceases to hold.
        both: Whether it holds for the negative conditioning as well, unless that has others.
    """

    net: ControlNet
    hint: Tensor
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    both: bool = False


@wire("CLIP_VISION")
@dataclass(frozen=True, eq=False)
class ClipVision:
    """An image encoder.

    Attributes:
        network: A CLIPVisionModelWithProjection of transformers, frozen.
        size: Side of the pictures that it sees, in pixels.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
    """

    network: nn.Module
    size: int
    dtype: str
    key: str


@wire("CLIP_VISION_OUTPUT", codec=STORED)
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


@wire("IPADAPTER")
@dataclass(frozen=True, eq=False)
class IPAdapter:
    """What lets a denoiser follow pictures as prompts; see nodes/diffusion/ip_adapter.py.

    Attributes:
        projection: From what an image encoder says of a picture to tokens; frozen.
        keys: For each cross-attention of the denoiser in order, from tokens to keys.
        values: Likewise, to values.
        reads_patches: Whether it reads the image encoder's hidden states, or its summary.
        width: How many numbers these have.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
    """

    projection: nn.Module
    keys: nn.ModuleList
    values: nn.ModuleList
    reads_patches: bool
    width: int
    dtype: str
    key: str


@wire("UPSCALE_MODEL")
@dataclass(frozen=True, eq=False)
class UpscaleModel:
    """A network that enlarges pictures.

    Attributes:
        network: Takes (B, 3, H, W) in [0, 1] and gives (B, 3, H * scale, W * scale); frozen.
        scale: Factor on the sides.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
    """

    network: nn.Module
    scale: int
    dtype: str
    key: str


_CLASSES: Mapping[str, type] = {
    cls.__name__: cls
    for cls in (
        Image,
        Mask,
        Latent,
        LatentFormat,
        Area,
        Cond,
        Conditioning,
        ClipVisionOutput,
        Control,
        Sigmas,
    )
}


def _describe(value: object, tensors: list[Tensor]) -> Plain:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        for index, known in enumerate(tensors):
            if known is value:
                return {"tensor": index}
        tensors.append(value)
        return {"tensor": len(tensors) - 1}
    if isinstance(value, ControlNet):
        return value.key
    if isinstance(value, tuple | list):
        return [_describe(item, tensors) for item in value]
    if isinstance(value, Mapping):
        return {"items": {str(key): _describe(item, tensors) for key, item in value.items()}}
    if is_dataclass(value) and type(value).__name__ in _CLASSES:
        parts = {f.name: _describe(getattr(value, f.name), tensors) for f in fields(value)}
        return {"class": type(value).__name__, "fields": parts}
    raise TypeError(f"{type(value).__name__} cannot be written to a file")


def _rebuild(tree: Any, tensors: Sequence[Tensor]) -> Any:
    if isinstance(tree, list):
        return tuple(_rebuild(item, tensors) for item in tree)
    if not isinstance(tree, dict):
        return tree
    if "tensor" in tree:
        return tensors[tree["tensor"]]
    if "items" in tree:
        return {key: _rebuild(item, tensors) for key, item in tree["items"].items()}
    parts = {name: _rebuild(item, tensors) for name, item in tree["fields"].items()}
    return _CLASSES[tree["class"]](**parts)
