"""What a sampling is made of: noise, its levels, a solver, and guidance."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from nodes.api import wire
from nodes.types.conditioning import Conditioning
from nodes.types.models import Model
from nodes.types.tensor_file import STORED, stored


@wire("NOISE", usual="RandomNoise")
@dataclass(frozen=True)
class Noise:
    """Where noise comes from: the seed of a CPU generator, or None for no noise."""

    seed: int | None


@wire("SIGMAS", codec=STORED, usual="BasicScheduler")
@stored
@dataclass(frozen=True, eq=False)
class Sigmas:
    """Noise levels (N,) to step through, descending, usually to 0."""

    values: Tensor


@wire("SAMPLER", usual="KSamplerSelect")
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


@wire("GUIDER", usual="CFGGuider")
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
