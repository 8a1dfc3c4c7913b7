"""A denoiser with random weights, prompts for it, and networks that say what they are asked."""

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from nodes.api import QUIET, Cancelled
from nodes.diffusion.model_sampling import ModelSampling
from nodes.types import Cond, Conditioning, LatentFormat, Model
from tests.nodes.diffusion.tiny_models import tiny_parts

FORMAT = LatentFormat(4, 0.18215, rgb=((0.3, 0.2, 0.1),) * 4)
EPSILON = ModelSampling.from_betas()


@cache
def tiny_model() -> Model:
    """Make a real UNet of a few thousand weights."""
    return Model(tiny_parts().unet, EPSILON, FORMAT, "float32", "tiny")


@cache
def tiniest_model() -> Model:
    """Make a UNet of one level, for tests of many samplings."""
    torch.manual_seed(0)
    unet: Any = UNet2DConditionModel(
        block_out_channels=(8,),
        layers_per_block=1,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        attention_head_dim=2,
        cross_attention_dim=16,
        norm_num_groups=4,
    )
    return Model(unet.requires_grad_(False).eval(), EPSILON, FORMAT, "float32", "tiniest")


def prompt(seed: int, tokens: int = 7, width: int = 16, **fields: Any) -> Conditioning:
    """Make a text of random tokens."""
    generator = torch.Generator().manual_seed(seed)
    return Conditioning((Cond(torch.randn(1, tokens, width, generator=generator), **fields),))


def flat(value: float, **fields: Any) -> Conditioning:
    """Make a text whose numbers are all the same, for `Reader`."""
    return Conditioning((Cond(torch.full((1, 2, 3), value), **fields),))


class Reader(nn.Module):
    """A network whose clean estimate is, everywhere, the first number of the text it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.config = SimpleNamespace()
        self.calls: list[tuple[tuple[int, ...], tuple[int, ...], list[float]]] = []

    def forward(
        self, x: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, **_: Any
    ) -> tuple[Tensor]:
        said = encoder_hidden_states[:, 0, 0]
        self.calls.append((tuple(x.shape), tuple(encoder_hidden_states.shape), timestep.tolist()))
        return (said[:, None, None, None].expand_as(x),)


def reader() -> tuple[Model, Reader]:
    """Make a model of a reader, which predicts the sample."""
    network = Reader()
    sampling = ModelSampling.from_betas(prediction="sample")
    return Model(network, sampling, FORMAT, "float32", "reader"), network


class Told:
    """A context that keeps what it is told, and cancels when asked to."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.warnings: list[str] = []
        self.previews: list[bytes] = []
        self.tracked: list[tuple[int, int | None]] = []
        self._cancel_after = cancel_after

    def __getattr__(self, name: str) -> Any:
        return getattr(QUIET, name)

    def warn(self, message: str, hint: str = "") -> None:
        self.warnings.append(f"{message} {hint}")

    def preview(self, encode: Callable[[], bytes]) -> None:
        self.previews.append(encode())

    def track(self, steps: Any, total: int | None = None) -> Any:
        for index, step in enumerate(steps):
            if index == self._cancel_after:
                raise Cancelled
            self.tracked.append((index, total))
            yield step
