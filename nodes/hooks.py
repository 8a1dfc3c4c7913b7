"""Hooks: LoRAs and models that hold for some prompts alone."""

from dataclasses import replace
from typing import Annotated

from nodes.api import QUIET, Context, File, Range, node
from nodes.diffusion.adapters.lora import read_lora
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.types import Clip, ClipHooks, Hook, HookKeyframes, Hooks

GROUP = "prompts"

Strength = Annotated[float, Range(-20, 20, step=0.01)]


@node("CreateHookLora", title="Create hook (LoRA)", aliases=("prompt LoRA",))
def create_hook_lora(
    lora_name: Annotated[str, File("loras")],
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    prev_hooks: Hooks | None = None,
    *,
    ctx: Context = QUIET,
) -> Hooks:
    """Prepare a LoRA that holds for some prompts alone.

    Args:
        lora_name: A .safetensors file.
        strength_model: Factor on the change of the denoiser; may be negative.
        strength_clip: Factor on the change of the text encoder; may be negative.
        prev_hooks: Changes that are made before it.

    Returns:
        The changes, for the nodes that set properties of prompts and for text encoders.
    """
    lora = read_lora(ctx.files.path("loras", lora_name))
    return _behind(prev_hooks, Hook(lora, lora, strength_model, strength_clip))


@node("CreateHookLoraModelOnly", title="Create hook (LoRA, model only)")
def create_hook_lora_model_only(
    lora_name: Annotated[str, File("loras")],
    strength_model: Strength = 1.0,
    prev_hooks: Hooks | None = None,
    *,
    ctx: Context = QUIET,
) -> Hooks:
    """Prepare a LoRA that holds for some prompts alone, and not for the text encoder.

    Args:
        lora_name: A .safetensors file.
        strength_model: Factor on the change of the denoiser; may be negative.
        prev_hooks: Changes that are made before it.

    Returns:
        The changes, for the nodes that set properties of prompts.
    """
    lora = read_lora(ctx.files.path("loras", lora_name))
    return _behind(prev_hooks, Hook(lora, None, strength_model, 0.0))


@node("CreateHookModelAsLora", title="Create hook (model as LoRA)")
def create_hook_model_as_lora(
    ckpt_name: Annotated[str, File("checkpoints")],
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    prev_hooks: Hooks | None = None,
    *,
    ctx: Context = QUIET,
) -> Hooks:
    """Prepare to follow some prompts with another model of the same family.

    Args:
        ckpt_name: A .safetensors file, or a diffusers folder.
        strength_model: How far the denoiser becomes that of the file: 0 not at all, 1 wholly.
        strength_clip: How far the text encoder becomes that of the file.
        prev_hooks: Changes that are made beside it.

    Returns:
        The changes, for the nodes that set properties of prompts and for text encoders.
    """
    found = load_checkpoint(ctx.files.path("checkpoints", ckpt_name), ctx.dtype)
    return _behind(prev_hooks, Hook(found.model, found.clip, strength_model, strength_clip))


@node("CreateHookModelAsLoraModelOnly", title="Create hook (model as LoRA, model only)")
def create_hook_model_as_lora_model_only(
    ckpt_name: Annotated[str, File("checkpoints")],
    strength_model: Strength = 1.0,
    prev_hooks: Hooks | None = None,
    *,
    ctx: Context = QUIET,
) -> Hooks:
    """Prepare to follow some prompts with another denoiser of the same family.

    Args:
        ckpt_name: A .safetensors file, or a diffusers folder.
        strength_model: How far the denoiser becomes that of the file: 0 not at all, 1 wholly.
        prev_hooks: Changes that are made beside it.

    Returns:
        The changes, for the nodes that set properties of prompts.
    """
    found = load_checkpoint(ctx.files.path("checkpoints", ckpt_name), ctx.dtype)
    return _behind(prev_hooks, Hook(found.model, None, strength_model, 0.0))


@node("SetHookKeyframes", title="Set hook keyframes")
def set_hook_keyframes(hooks: Hooks, hook_kf: HookKeyframes | None = None) -> Hooks:
    """Let hooks hold more or less strongly by time.

    Args:
        hooks: The changes.
        hook_kf: Factors on their strengths, by time.

    Returns:
        The changes, all of them by these factors.
    """
    if hook_kf is None:
        return hooks
    return Hooks(tuple(replace(hook, keyframes=hook_kf) for hook in hooks.hooks))


@node("CombineHooks2", title="Combine hooks (2)")
def combine_hooks_2(
    hooks_A: Hooks | None = None,  # noqa: N803
    hooks_B: Hooks | None = None,  # noqa: N803
) -> Hooks:
    """Put hooks together.

    Args:
        hooks_A: The changes that are made first.
        hooks_B: More changes.

    Returns:
        All of them.
    """
    return _together(hooks_A, hooks_B)


@node("CombineHooks4", title="Combine hooks (4)")
def combine_hooks_4(
    hooks_A: Hooks | None = None,  # noqa: N803
    hooks_B: Hooks | None = None,  # noqa: N803
    hooks_C: Hooks | None = None,  # noqa: N803
    hooks_D: Hooks | None = None,  # noqa: N803
) -> Hooks:
    """Put hooks together.

    Args:
        hooks_A: The changes that are made first.
        hooks_B: More changes.
        hooks_C: More changes.
        hooks_D: More changes.

    Returns:
        All of them.
    """
    return _together(hooks_A, hooks_B, hooks_C, hooks_D)


@node("CombineHooks8", title="Combine hooks (8)")
def combine_hooks_8(
    hooks_A: Hooks | None = None,  # noqa: N803
    hooks_B: Hooks | None = None,  # noqa: N803
    hooks_C: Hooks | None = None,  # noqa: N803
    hooks_D: Hooks | None = None,  # noqa: N803
    hooks_E: Hooks | None = None,  # noqa: N803
    hooks_F: Hooks | None = None,  # noqa: N803
    hooks_G: Hooks | None = None,  # noqa: N803
    hooks_H: Hooks | None = None,  # noqa: N803
) -> Hooks:
    """Put hooks together.

    Args:
        hooks_A: The changes that are made first.
        hooks_B: More changes.
        hooks_C: More changes.
        hooks_D: More changes.
        hooks_E: More changes.
        hooks_F: More changes.
        hooks_G: More changes.
        hooks_H: More changes.

    Returns:
        All of them.
    """
    return _together(hooks_A, hooks_B, hooks_C, hooks_D, hooks_E, hooks_F, hooks_G, hooks_H)


@node("SetClipHooks", title="Set CLIP hooks")
def set_clip_hooks(
    clip: Clip,
    apply_to_conds: bool = True,
    schedule_clip: bool = False,
    hooks: Hooks | None = None,
) -> Clip:
    """Let hooks hold where a text encoder reads prompts.

    Args:
        clip: The text encoder.
        apply_to_conds: Whether they hold for the denoiser too, where it follows such a prompt.
        schedule_clip: Whether a prompt is encoded anew wherever the strengths change by time;
            otherwise once, whatever the keyframes say.
        hooks: The changes; without any, those that it has are taken off.

    Returns:
        The text encoder, which changes as it encodes.
    """
    held = None if hooks is None else ClipHooks(hooks.hooks, apply_to_conds, schedule_clip)
    return replace(clip, hooks=held)


def _behind(before: Hooks | None, hook: Hook) -> Hooks:
    return _together(before, Hooks((hook,)))


def _together(*groups: Hooks | None) -> Hooks:
    """Join hooks; one that is in several of them is taken once."""
    return Hooks(tuple(dict.fromkeys(hook for group in groups if group for hook in group.hooks)))
