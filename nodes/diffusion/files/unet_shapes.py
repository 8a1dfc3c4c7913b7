"""Configurations of UNets, told by the shapes of their weights."""

from collections.abc import Collection
from dataclasses import dataclass

from nodes.diffusion.files.ldm_keys import UNET_PREFIX
from nodes.diffusion.files.weight_shapes import Config, Shapes, count

UNET_NETWORK = "UNet2DConditionModel"


def unet_config(shapes: Shapes, prefix: str = UNET_PREFIX) -> Config:
    """Derive a UNet2DConditionModel's configuration, but for its attention heads, from shapes."""
    names = {key.removeprefix(prefix): shapes[key] for key in shapes if key.startswith(prefix)}
    levels = resolutions(names)
    attended = [level.attended for level in levels]
    # The middle's depth is the last level's; it stands for levels without attention as well.
    middle = count(names, "middle_block.1.transformer_blocks.") or 1
    depths = [max(level.depths, default=middle) for level in levels]
    projection = names["middle_block.1.proj_in.weight"]
    context = names["middle_block.1.transformer_blocks.0.attn2.to_k.weight"]
    config: Config = {
        "sample_size": 64,
        "in_channels": names["input_blocks.0.0.weight"][1],
        "block_out_channels": tuple(level.channels for level in levels),
        "layers_per_block": levels[0].layers,
        "down_block_types": tuple(
            "CrossAttnDownBlock2D" if yes else "DownBlock2D" for yes in attended
        ),
        "up_block_types": tuple(
            "CrossAttnUpBlock2D" if yes else "UpBlock2D" for yes in reversed(attended)
        ),
        "transformer_layers_per_block": tuple(depths),
        "cross_attention_dim": context[1],
        "use_linear_projection": len(projection) == 2,
    }
    # A ControlNet is a UNet's first half, without a way out.
    if "out.2.weight" in names:
        config["out_channels"] = names["out.2.weight"][0]
    crossed = tuple(level.crossed for level in levels)
    if any(crossed):
        config["only_cross_attention"] = crossed
    if "label_emb.weight" in names:
        config["num_class_embeds"] = names["label_emb.weight"][0]
    if "label_emb.0.0.weight" in names:
        config["projection_class_embeddings_input_dim"] = names["label_emb.0.0.weight"][1]
        if context[1] == _SD2_TEXT_WIDTH:
            # What an image encoder says stands where others have a class: unCLIP.
            config["class_embed_type"] = "projection"
        else:
            config |= {"addition_embed_type": "text_time", "addition_time_embed_dim": 256}
    return config


def video_config(shapes: Shapes) -> Config:
    """Derive a UNetSpatioTemporalConditionModel's configuration from shapes."""
    unet = unet_config(shapes)
    own = {name: unet[name] for name in _OF_VIDEO}
    for way in ("down", "up"):
        kinds = unet[f"{way}_block_types"]
        own[f"{way}_block_types"] = tuple(kind.replace("2D", "SpatioTemporal") for kind in kinds)
    heads = tuple(channels // 64 for channels in unet["block_out_channels"])
    return own | {"num_attention_heads": heads, "num_frames": _FRAMES}


_OF_VIDEO = (
    "in_channels",
    "out_channels",
    "block_out_channels",
    "layers_per_block",
    "transformer_layers_per_block",
    "cross_attention_dim",
    "projection_class_embeddings_input_dim",
)
# As many as it was trained for; it leaves no trace, and any number works.
_FRAMES = 25


def heads(unet: Config) -> Config:
    """Give a UNet's attention heads, which leave no trace in the shapes, by its family.

    What diffusers calls attention_head_dim counts heads: 8 in Stable Diffusion 1 and in the
    upscaler, which has classes of noise, and in the other families as many of 64 channels as there
    are.
    """
    if unet["cross_attention_dim"] == _SD1_TEXT_WIDTH or "num_class_embeds" in unet:
        return {"attention_head_dim": 8}
    return {"attention_head_dim": [channels // 64 for channels in unet["block_out_channels"]]}


_SD1_TEXT_WIDTH, _SD2_TEXT_WIDTH = 768, 1024


def layers_told(names: Collection[str]) -> Config:
    """Tell what the names of weights under diffusers depend on, from the names themselves.

    Args:
        names: Of the weights of a UNet2DConditionModel or a ControlNetModel.
    """
    levels = len({n.split(".")[1] for n in names if n.startswith("down_blocks.")})
    layers = len({n.split(".")[3] for n in names if n.startswith("down_blocks.0.resnets.")})

    def kinds(way: str) -> tuple[str, ...]:
        blocks = [f"{way.lower()}_blocks.{n}.attentions.0.norm.weight" for n in range(levels)]
        return tuple(f"{'CrossAttn' if b in names else ''}{way}Block2D" for b in blocks)

    return {
        "down_block_types": kinds("Down"),
        "up_block_types": kinds("Up"),
        "layers_per_block": layers,
        "class_embed_type": "projection" if "class_embedding.linear_1.weight" in names else None,
    }


@dataclass(frozen=True)
class Resolution:
    """One resolution of a UNet.

    Attributes:
        channels: Width.
        layers: Residual layers.
        attended: Whether it has attention, be it that of a transformer or to the picture alone.
        depths: Transformer blocks of each attention.
        crossed: Whether both attentions of a block read the text, and none the picture itself.
    """

    channels: int
    layers: int
    attended: bool
    depths: tuple[int, ...]
    crossed: bool


def resolutions(names: Shapes) -> list[Resolution]:
    """Tell the resolutions of a UNet by the shapes of its weights, named as in LDM."""
    levels: list[Resolution] = []
    channels, layers, attended, depths, crossed = 0, 0, False, list[int](), False
    index = 1
    while True:
        block = f"input_blocks.{index}."
        if block + "0.out_layers.3.weight" in names:
            channels = names[block + "0.out_layers.3.weight"][0]
            layers += 1
            depth = count(names, block + "1.transformer_blocks.")
            depths += [depth] if depth else []
            attended = attended or bool(depth) or block + "1.qkv.weight" in names
            crossed = crossed or _reads_text(names, block + "1.transformer_blocks.0.attn1.")
        else:
            levels.append(Resolution(channels, layers, attended, tuple(depths), crossed))
            layers, attended, depths, crossed = 0, False, [], False
            if block + "0.op.weight" not in names:
                return levels
        index += 1


def _reads_text(names: Shapes, attention: str) -> bool:
    """Say whether keys come from something of another width than the picture's."""
    if attention + "to_k.weight" not in names:
        return False
    return names[attention + "to_k.weight"][1] != names[attention + "to_q.weight"][1]
