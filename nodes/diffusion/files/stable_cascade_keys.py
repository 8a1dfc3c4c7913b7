"""Stable Cascade's networks in files of their makers: configurations by shapes, names of diffusers.

diffusers splits what attention multiplies by, and calls a few layers otherwise.
"""

from collections.abc import Collection, Mapping

from torch import Tensor

from nodes.diffusion.files.ldm_keys import UNET_PREFIX
from nodes.diffusion.files.weight_shapes import Config, Shapes, count

# What reads the text's summary: under its own name, and under that of stage B's makers.
_SUMMARY, _SUMMARY_OF_B = "clip_txt_pooled_mapper", "clip_mapper"
# Tokens that the summary becomes, and channels of an attention head, in every published stage.
_TOKENS, _HEAD = 4, 64
# Stage B sees its latents in squares of two cells a side.
_PATCH_OF_B = 2
_RESIDUAL, _TIME, _ATTENTION = "SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"


def stage_prefix(names: Collection[str]) -> str | None:
    """Tell what stands before the names of a stage's network; None if there is none."""
    marks = [f"{name}.weight" for name in (_SUMMARY, _SUMMARY_OF_B)]
    found = (prefix for prefix in (UNET_PREFIX, "") for mark in marks if prefix + mark in names)
    return next(found, None)


def stage_weights(file: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Pick a stage's weights out of a file, under the names of diffusers.

    Args:
        file: Weights by name; those without the prefix are passed over.
        prefix: What `stage_prefix` tells.
    """
    made: dict[str, Tensor] = {}
    for full, tensor in file.items():
        if not full.startswith(prefix):
            continue
        name = full.removeprefix(prefix)
        path, joined, kind = name.partition(".attn.in_proj_")
        if joined:
            for part, rows in zip("qkv", tensor.chunk(3), strict=True):
                made[f"{path}.to_{part}.{kind}"] = rows
            continue
        if name.startswith(f"{_SUMMARY_OF_B}."):
            name = name.replace(_SUMMARY_OF_B, _SUMMARY)
        name = name.replace(".attention.attn.", ".attention.").replace(".out_proj.", ".to_out.0.")
        made[name] = tensor
    return made


def stage_config(shapes: Shapes) -> Config:
    """Derive a StableCascadeUNet's configuration from the shapes of its weights.

    Args:
        shapes: By the names of diffusers.

    Raises:
        KeyError: If a weight is missing.
    """
    levels = range(count(shapes, "down_blocks."))
    kinds = [_kinds(shapes, level) for level in levels]
    widths = [shapes[f"down_blocks.{level}.0.depthwise.weight"][0] for level in levels]
    of_b = "effnet_mapper.0.weight" in shapes
    patch = _PATCH_OF_B if of_b else 1
    summary = shapes[f"{_SUMMARY}.weight"]
    times = shapes["down_blocks.0.1.mapper.weight"]
    return {
        "in_channels": shapes["embedding.1.weight"][1] // patch**2,
        "out_channels": shapes["clf.1.weight"][0] // patch**2,
        "patch_size": patch,
        "timestep_ratio_embedding_dim": times[1],
        "timestep_conditioning_type": tuple(
            kind for kind in ("sca", "crp") if f"down_blocks.0.1.mapper_{kind}.weight" in shapes
        ),
        "conditioning_dim": summary[0] // _TOKENS,
        "clip_seq": _TOKENS,
        "clip_text_pooled_in_channels": summary[1],
        "clip_text_in_channels": _read(shapes, "clip_txt_mapper.weight"),
        "clip_image_in_channels": _read(shapes, "clip_img_mapper.weight"),
        "effnet_in_channels": _read(shapes, "effnet_mapper.0.weight"),
        "pixel_mapper_in_channels": _read(shapes, "pixels_mapper.0.weight"),
        "block_out_channels": tuple(widths),
        "num_attention_heads": tuple(
            width // _HEAD if _ATTENTION in kind else -1
            for width, kind in zip(widths, kinds, strict=True)
        ),
        "block_types_per_layer": tuple(kinds),
        "down_num_layers_per_block": _layers(shapes, "down_blocks", kinds),
        "up_num_layers_per_block": _layers(shapes, "up_blocks", kinds[::-1]),
        "down_blocks_repeat_mappers": _repeats(shapes, "down_repeat_mappers", len(levels)),
        "up_blocks_repeat_mappers": _repeats(shapes, "up_repeat_mappers", len(levels)),
        "kernel_size": shapes["down_blocks.0.0.depthwise.weight"][-1],
        # Stage C changes no sizes between its levels, where stage B halves them.
        "switch_level": None if of_b else (False,) * (len(levels) - 1),
    }


def _kinds(shapes: Shapes, level: int) -> tuple[str, ...]:
    attends = f"down_blocks.{level}.2.kv_mapper.1.weight" in shapes
    return (_RESIDUAL, _TIME, *([_ATTENTION] if attends else []))


def _layers(shapes: Shapes, blocks: str, kinds: list[tuple[str, ...]]) -> tuple[int, ...]:
    return tuple(
        count(shapes, f"{blocks}.{level}.") // len(kind) for level, kind in enumerate(kinds)
    )


def _repeats(shapes: Shapes, mappers: str, levels: int) -> tuple[int, ...]:
    return tuple(1 + count(shapes, f"{mappers}.{level}.") for level in range(levels))


def _read(shapes: Shapes, name: str) -> int | None:
    return shapes[name][1] if name in shapes else None
