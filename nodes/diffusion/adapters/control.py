"""ControlNets at work: hints fitted to a latent, and what they add within the denoiser.

Zhang et al. 2023, Adding Conditional Control to Text-to-Image Diffusion Models, arXiv:2302.05543: a
copy of the UNet's first half reads the latent and a hint; what its blocks give is added, through
convolutions that were zero at first, to the skip connections and to the middle:

    skip_i + sum over ControlNets of strength * zero_i(block_i(x, hint, timestep, text))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from diffusers import T2IAdapter
from torch import Tensor, nn

from nodes.diffusion.adapters.hints import encoded_hint, latents_read, reads_mask
from nodes.diffusion.adapters.t2i_adapter import features
from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.model_sampling import sigma_at
from nodes.diffusion.pixel_space import COLOURS
from nodes.errors import NodeError
from nodes.types import Conditioning, Control, ControlNet, ModelSampling, Vae


@dataclass(frozen=True, eq=False)
class FittedControl:
    """A control on one latent.

    Attributes:
        network: The ControlNet, where the latent is.
        hint: Gives, for the height and width in cells of what is computed, (B, 3, H, W) in [0, 1]
            in its pixels; or a latent, as the network reads it. It is always the whole picture,
            also for an area of the latent, by the field's convention.
        strength: Factor on all that it adds.
        first: The highest noise level at which it holds.
        last: The lowest.
        task: Of a union, which of its tasks it does; -1 names none.
    """

    network: nn.Module
    hint: Callable[[int, int], Tensor]
    strength: float
    first: float
    last: float
    task: int = -1


def with_control(conditionings: Sequence[Conditioning], control: Control) -> list[Conditioning]:
    """Add one control to every part of conditionings; at strength 0 they stay as they are.

    Raises:
        NodeError: If it reads latents, and there is no VAE to make them; or if it reads a mask.
    """
    if control.strength == 0:
        return list(conditionings)
    control = _complete(control)
    return [
        Conditioning(tuple(replace(p, controls=(*p.controls, control)) for p in each.parts))
        for each in conditionings
    ]


def _complete(control: Control) -> Control:
    """Refuse a control without what its network reads, and leave a VAE out that it does not use."""
    network = control.net.network
    if latents_read(network) is None:
        return replace(control, vae=None)
    if control.vae is None:
        raise NodeError(
            "This ControlNet reads latents, and no VAE is connected that makes them.",
            "Connect the model's VAE, with ControlNetApplyAdvanced.",
            "controlnet.vae",
        )
    if reads_mask(network) != (control.hint.shape[1] > COLOURS):
        wants = reads_mask(network)
        raise NodeError(
            f"This ControlNet {'paints into a picture' if wants else 'reads no mask'}.",
            f"Use {'ControlNetInpaintingAliMamaApply' if wants else 'ControlNetApplyAdvanced'}.",
            "controlnet.mask",
        )
    return control


def shared(conditionings: tuple[Conditioning, ...]) -> tuple[Conditioning, ...]:
    """Give the negative the positive's controls that ask for it, if it has none of its own."""
    if len(conditionings) < 2:
        return conditionings
    positive, negative = conditionings[0], conditionings[-1]
    controls = [tuple(c for c in part.controls if c.both) for part in positive.parts]
    wanted = next((each for each in controls if each), ())
    if not wanted or any(part.controls for part in negative.parts):
        return conditionings
    parts = tuple(replace(part, controls=wanted) for part in negative.parts)
    return (*conditionings[:-1], Conditioning(parts))


def placed(
    conditionings: tuple[Conditioning, ...], place: Callable[[Any], Any]
) -> tuple[Conditioning, ...]:
    """Put every ControlNet, once, where it is to work; a control that was shared stays shared.

    Likewise the VAEs of those that read latents.
    """
    known: dict[int, Control] = {}
    networks: dict[int, ControlNet] = {}
    vaes: dict[int, Vae] = {}

    def moved(control: Control) -> Control:
        if id(control) not in known:
            net = control.net
            if id(net.network) not in networks:
                networks[id(net.network)] = place(net)
            # One union may stand in several controls with a task for each.
            moved_net = replace(networks[id(net.network)], task=net.task)
            vae = control.vae
            if vae is not None and id(vae.network) not in vaes:
                vaes[id(vae.network)] = place(vae)
            moved_vae = None if vae is None else vaes[id(vae.network)]
            known[id(control)] = replace(control, net=moved_net, vae=moved_vae)
        return known[id(control)]

    return tuple(
        Conditioning(tuple(replace(p, controls=tuple(map(moved, p.controls))) for p in each.parts))
        for each in conditionings
    )


def fit_control(
    control: Control, sampling: ModelSampling, x: Tensor, downscale: int
) -> FittedControl:
    """Fit a control to a latent `x` (B, C, h, w)."""

    @cache
    def hint(height: int, width: int) -> Tensor:
        return _sized(control, height * downscale, width * downscale).to(x.device)

    return FittedControl(
        network=control.net.network,
        hint=hint,
        strength=control.strength,
        first=sigma_at(sampling, control.start),
        last=sigma_at(sampling, control.end),
        task=control.net.task,
    )


def _sized(control: Control, height: int, width: int) -> Tensor:
    """Cut a hint about the middle to a form, and scale it to a size in pixels.

    What reads latents has it encoded then.
    """
    hint = control.hint
    tall, wide = hint.shape[-2:]
    if tall * width > wide * height:
        cut = round((tall - wide * height / width) / 2)
        hint = hint[..., cut : tall - cut, :]
    else:
        cut = round((wide - tall * width / height) / 2)
        hint = hint[..., cut : wide - cut]
    hint = nn.functional.interpolate(hint, (height, width), mode="nearest-exact")
    if control.vae is None:
        return hint
    return encoded_hint(control.net.network, control.vae, hint)


@torch.no_grad()
def residuals(
    controls: Sequence[FittedControl],
    hints: Sequence[Tensor],
    scaled: Tensor,
    timestep: Tensor,
    context: Tensor,
    added: dict[str, Tensor],
) -> dict[str, Any]:
    """Compute what controls add to a UNet: to its skip connections and to its middle.

    T2I-Adapters add on the way down instead, the same at every step.

    Args:
        controls: Those that hold now.
        hints: For each, (B, 3, H, W) for the whole call.
        scaled: (B, C, h, w), scaled as the UNet's input.
        timestep: (B,).
        context: (B, T, C) text.
        added: What SDXL is told beside it.

    Returns:
        Arguments of UNet2DConditionModel; empty without controls.
    """
    down: list[Tensor] = []
    within: list[Tensor] = []
    middle: Tensor | None = None
    for control, hint in zip(controls, hints, strict=True):
        network: Any = control.network
        if isinstance(network, T2IAdapter):
            planes = [control.strength * p.to(scaled.dtype) for p in features(network, hint)]
            within = _summed(within, planes)
            continue
        _check(network, context)
        _, dtype = work_place(network)
        downs, mid = network(
            scaled.to(dtype),
            timestep,
            encoder_hidden_states=context.to(dtype),
            conditioning_scale=control.strength,
            added_cond_kwargs=added or None,
            return_dict=False,
            **_pictures(control, hint.to(dtype)),
        )
        downs = [each.to(scaled.dtype) for each in downs]
        mid = mid.to(scaled.dtype)
        down = _summed(down, downs)
        middle = mid if middle is None else middle + mid
    made: dict[str, Any] = {"down_intrablock_additional_residuals": within} if within else {}
    if middle is not None:
        made["down_block_additional_residuals"] = down
        made["mid_block_additional_residual"] = middle
    return made


def _summed(before: list[Tensor], more: list[Tensor]) -> list[Tensor]:
    return [one + two for one, two in zip(before, more, strict=True)] if before else more


def _pictures(control: FittedControl, hint: Tensor) -> dict[str, Any]:
    """Name what a ControlNet is shown: a picture, or to a union pictures and their tasks."""
    if not is_union(control.network):
        return {"controlnet_cond": hint}
    network: Any = control.network
    named = torch.zeros(len(hint), network.config.num_control_type, device=hint.device)
    if control.task >= 0:
        named[:, control.task] = 1
    return {
        "controlnet_cond": [hint],
        "control_type": named.to(hint.dtype),
        "control_type_idx": [control.task],
    }


def is_union(network: nn.Module) -> bool:
    """Say whether a ControlNet knows several tasks."""
    return hasattr(network, "task_embedding") or getattr(network, "union", False)


def _check(network: Any, context: Tensor) -> None:
    wanted = network.config.get("cross_attention_dim")
    if wanted is None:
        raise NodeError(
            "The ControlNet steers transformers, and the model is a U-Net.",
            "Choose a ControlNet that was made for the model's family.",
            "controlnet.family",
        )
    if context.shape[2] != wanted:
        raise NodeError(
            f"The ControlNet reads texts of {wanted} numbers a token, and the model's have "
            f"{context.shape[2]}.",
            "Choose a ControlNet that was made for the model's family.",
            "controlnet.family",
        )
