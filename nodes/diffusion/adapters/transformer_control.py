"""ControlNets of transformers: what they add to the picture's tokens behind each block.

Those of Stable Diffusion 3 and Flux have fewer blocks than the transformers that they steer, so
that one output stands for several blocks. Here each block is given its own, and those of several
ControlNets, of whatever sizes, are summed.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import ceil
from typing import Any

import torch
from diffusers import FluxControlNetModel, FluxTransformer2DModel, SD3ControlNetModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from torch import Tensor, nn

from nodes.diffusion.adapters.control import FittedControl
from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.model_sampling import FLOW_TIMESTEPS
from nodes.diffusion.network_calls import FLUX_PATCH, GUIDANCE, packed, positions
from nodes.diffusion.patches.patch import replaced
from nodes.errors import NodeError
from nodes.imaging.resize import padded_to_multiple

# What a ControlNet adds, by the names of the transformer's arguments.
Residuals = dict[str, list[Tensor]]


@torch.no_grad()
def block_residuals(
    network: nn.Module,
    controls: Sequence[FittedControl],
    hints: Sequence[Tensor],
    x: Tensor,
    timestep: Tensor,
    text: Tensor,
    added: Mapping[str, Tensor],
) -> dict[str, Any]:
    """Compute what controls add to a transformer of Stable Diffusion 3 or Flux.

    Args:
        network: The denoiser.
        controls: Those that hold now.
        hints: For each, for the whole call: (B, 3, H, W), or latents as `encoded_hint` gives them.
        x: (B, C, h, w), scaled as the denoiser's input.
        timestep: (B,).
        text: (B, T, D).
        added: What `added_conditions` names.

    Returns:
        By the names of the denoiser's arguments; for each block of a transformer
        (B, tokens, width).

    Raises:
        NodeError: If a control was made for another family.
    """
    total: Residuals = {}
    for control, hint in zip(controls, hints, strict=True):
        call = _call_for(network, control)
        _, dtype = work_place(control.network)
        own = {name: value.to(dtype) for name, value in added.items() if name in _TOLD}
        made = call(network, control, hint.to(dtype), x.to(dtype), timestep, text.to(dtype), own)
        for name, planes in made.items():
            planes = [plane.to(x.dtype) for plane in planes]
            before = total.get(name)
            total[name] = (
                [one + two for one, two in zip(before, planes, strict=True)] if before else planes
            )
    return total


_TOLD = ("pooled_projections", "guidance")


def _call_for(network: nn.Module, control: FittedControl) -> Callable[..., Residuals]:
    steering: Any = control.network
    steered: Any = network
    for kind, transformer, call in (
        (FluxControlNetModel, FluxTransformer2DModel, _flux),
        (SD3ControlNetModel, SD3Transformer2DModel, _sd3),
    ):
        fits = isinstance(steering, kind) and isinstance(steered, transformer)
        if fits and steering.inner_dim == steered.inner_dim:
            return call
    raise NodeError(
        "The ControlNet was made for another family of models, or for another size of this one.",
        "Choose a ControlNet that was made for the model.",
        "controlnet.family",
    )


def _flux(
    network: Any,
    control: FittedControl,
    hint: Tensor,
    x: Tensor,
    timestep: Tensor,
    text: Tensor,
    added: Mapping[str, Tensor],
) -> Residuals:
    """Call a FluxControlNetModel: InstantX's and Shakker's read latents, XLabs' read pixels."""
    steering: Any = control.network
    # A hint has as many values a side as the latent, or as the picture.
    hint = _whole(hint, FLUX_PATCH * (hint.shape[-1] // x.shape[-1]))
    hint = packed(hint) if steering.input_hint_block is None else hint * 2 - 1
    x = _whole(x, FLUX_PATCH)
    rows, columns = (side // FLUX_PATCH for side in x.shape[-2:])
    guided = steering.config.guidance_embeds
    guidance = added.get("guidance", x.new_full((len(x),), GUIDANCE)) if guided else None
    with _told_task(control):
        doubles, singles = steering(
            hidden_states=packed(x),
            controlnet_cond=hint,
            controlnet_mode=torch.full((len(x), 1), max(control.task, 0), device=x.device),
            conditioning_scale=control.strength,
            timestep=timestep / FLOW_TIMESTEPS,
            guidance=guidance,
            pooled_projections=added["pooled_projections"],
            encoder_hidden_states=text,
            img_ids=positions(rows, columns).to(x.device),
            txt_ids=torch.zeros(text.shape[1], 3, device=x.device),
            return_dict=False,
        )
    turns = steering.input_hint_block is not None
    made = {
        "controlnet_block_samples": _for_each(doubles, len(network.transformer_blocks), turns),
        "controlnet_single_block_samples": _for_each(
            singles, len(network.single_transformer_blocks), False
        ),
    }
    return {name: planes for name, planes in made.items() if planes}


def _told_task(control: FittedControl) -> AbstractContextManager[None]:
    """Have a union read no task, where none is named."""
    network: Any = control.network
    unnamed = network.union and control.task < 0
    return replaced(network, "union", False) if unnamed else nullcontext()


def _whole(planes: Tensor, patch: int) -> Tensor:
    return padded_to_multiple(planes, patch, "circular")


def _for_each(made: Sequence[Tensor] | None, blocks: int, in_turn: bool) -> list[Tensor]:
    """Give each block its output: those of a ControlNet in turn, or each for some in a row."""
    if not made:
        return []
    some = ceil(blocks / len(made))
    return [made[block % len(made) if in_turn else block // some] for block in range(blocks)]


def _sd3(
    network: Any,
    control: FittedControl,
    hint: Tensor,
    x: Tensor,
    timestep: Tensor,
    text: Tensor,
    added: Mapping[str, Tensor],
) -> Residuals:
    """Call an SD3ControlNetModel; InstantX's and Alimama's are told nothing of the summary."""
    steering: Any = control.network
    patch = network.config.patch_size
    x, hint = _whole(x, patch), _whole(hint, patch)
    pooled = added["pooled_projections"]
    if steering.config.force_zeros_for_pooled_projection:
        pooled = torch.zeros_like(pooled)
    if steering.pos_embed is None:
        # Those of 3.5 Large share the transformer's first layer, and read no text.
        _, dtype = work_place(network)
        x = network.pos_embed(x.to(dtype)).to(hint.dtype)
    made = steering(
        hidden_states=x,
        controlnet_cond=hint,
        conditioning_scale=control.strength,
        encoder_hidden_states=None if steering.context_embedder is None else text,
        pooled_projections=pooled,
        timestep=timestep,
        return_dict=False,
    )[0]
    blocks = len(network.transformer_blocks)
    each = [made[int(block / (blocks / len(made)))] for block in range(blocks)]
    return {"block_controlnet_hidden_states": each}
