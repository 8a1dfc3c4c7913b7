"""Networks with all that is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from torch import Tensor, nn

from nodes.api import wire
from nodes.types.pictures import LatentFormat
from nodes.types.tensor_file import STORED, stored


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
        network: A UNet2DConditionModel, UNetSpatioTemporalConditionModel, SD3Transformer2DModel,
            FluxTransformer2DModel or ChromaTransformer2DModel of diffusers, frozen, in its stored
            dtype.
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


@dataclass(frozen=True, eq=False)
class Lora:
    """The changes of weights that a file holds; see nodes/diffusion/adapters/lora.py.

    Attributes:
        name: The file's name.
        key: Names the content.
        changes: Parts of the change of each module, under the file's name for it.
    """

    name: str
    key: str
    changes: Mapping[str, Mapping[str, Tensor]]


@stored
@dataclass(frozen=True)
class HookKeyframe:
    """From which fraction of a sampling on a hook's strength is multiplied by what."""

    start: float
    strength: float


@wire("HOOK_KEYFRAMES", codec=STORED, usual="CreateHookKeyframe")
@stored
@dataclass(frozen=True)
class HookKeyframes:
    """How strongly hooks hold by time.

    Attributes:
        frames: In the order of time; the first holds from the beginning, wherever it starts.
    """

    frames: tuple[HookKeyframe, ...] = ()

    def at(self, fraction: float) -> float:
        """Give the factor on a hook's strength at a fraction of a sampling."""
        begun = [frame for frame in self.frames if frame.start <= fraction] or self.frames[:1]
        return begun[-1].strength if begun else 1.0


@stored
@dataclass(frozen=True, eq=False)
class Hook:
    """A change of weights that holds for some prompts alone, and by time.

    Attributes:
        model: What changes the denoiser: a LoRA, or a denoiser that it becomes; None leaves it.
        clip: What changes the text encoder, likewise.
        strength_model: How far the denoiser is changed.
        strength_clip: How far the text encoder is changed.
        keyframes: Factors on both by time.
    """

    model: "Lora | Model | None"
    clip: "Lora | Clip | None"
    strength_model: float
    strength_clip: float
    keyframes: HookKeyframes = HookKeyframes()


@wire("HOOKS", usual="CreateHookLora")
@dataclass(frozen=True, eq=False)
class Hooks:
    """Changes of weights for some prompts, in the order in which they are made."""

    hooks: tuple[Hook, ...]


@dataclass(frozen=True, eq=False)
class ClipHooks:
    """How hooks hold where a prompt is encoded.

    Attributes:
        hooks: The changes.
        on_prompts: Whether they hold for the denoiser too, where it follows the prompt.
        by_time: Whether the prompt is encoded anew for each part of the sampling in which the
            strengths are others, or once, whatever keyframes say.
    """

    hooks: tuple[Hook, ...]
    on_prompts: bool
    by_time: bool


TextJoin: TypeAlias = Literal[
    "side by side", "sd3", "flux", "chroma", "deepfloyd", "stable cascade"
]


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
            Stable Diffusion 3, Flux, Chroma, DeepFloyd IF or Stable Cascade reads them.
        on_cpu: Whether it computes on the CPU, wherever the denoiser does.
        hooks: Changes of its weights that are made when it encodes.
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
    hooks: ClipHooks | None = None


@wire("VAE")
@dataclass(frozen=True, eq=False)
class Vae:
    """A variational autoencoder between pictures and latents.

    Attributes:
        network: An AutoencoderKL or AutoencoderKLTemporalDecoder of diffusers, frozen.
        latent_format: The latent space it encodes to, scaling included.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
        compiled_by: What compiles its encoder and its decoder; empty, nothing does. See
            nodes/diffusion/memory/compiling.py.
    """

    network: nn.Module
    latent_format: LatentFormat
    dtype: str
    key: str
    compiled_by: str = ""


@wire("CLIP_VISION", usual="CLIPVisionLoader")
@dataclass(frozen=True, eq=False)
class ClipVision:
    """An image encoder.

    Attributes:
        network: A CLIPVisionModelWithProjection or a SiglipVisionModel of transformers, frozen.
        size: Side of the pictures that it sees, in pixels.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
        colours: Whose mean and spread of colours pictures are brought to.
    """

    network: nn.Module
    size: int
    dtype: str
    key: str
    colours: Literal["clip", "siglip"] = "clip"


@wire("STYLE_MODEL")
@dataclass(frozen=True, eq=False)
class StyleModel:
    """What turns an image encoder's words on a picture into words of a prompt.

    Attributes:
        network: A ReduxImageEncoder of diffusers, frozen.
        dtype: Name of the dtype to compute in.
        key: Names the weights.
    """

    network: nn.Module
    dtype: str
    key: str


@wire("IPADAPTER")
@dataclass(frozen=True, eq=False)
class IPAdapter:
    """What lets a denoiser follow pictures as prompts; see nodes/diffusion/adapters/ip_adapter.py.

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
