"""Names of weights of networks that have layers over time beside those over pictures.

So is Stable Video Diffusion's: Blattmann et al. 2023, arXiv:2311.15127. Its originals keep what
works over time in a `time_stack` within the layers of Stable Diffusion 2.
"""

from collections.abc import Iterable, Iterator, Mapping

Pairs = Iterable[tuple[str, str]]


def unet_with_time(pairs: Pairs, resnet: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Add the layers over time to the names of a UNet.

    Args:
        pairs: For each module its path in diffusers and in the original, without time.
        resnet: The names of a residual layer's parts, likewise.
    """
    for ours, theirs in pairs:
        if ".resnets." in ours:
            yield from _residual(ours, theirs, resnet)
        elif ".attentions." in ours:
            yield ours, theirs
            yield f"{ours}.temporal_transformer_blocks", f"{theirs}.time_stack"
            yield f"{ours}.time_pos_embed.linear_1", f"{theirs}.time_pos_embed.0"
            yield f"{ours}.time_pos_embed.linear_2", f"{theirs}.time_pos_embed.2"
        else:
            yield ours, theirs


def vae_with_time(pairs: Pairs, resnet: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Add the decoder's layers over time to the names of a VAE; its encoder has none."""
    for ours, theirs in pairs:
        if ours.startswith("decoder.") and ".resnets." in ours:
            head, _, part = ours.rpartition(".")
            stack = theirs.removesuffix(f".{part}")
            if part == "conv_shortcut":
                yield f"{head}.spatial_res_block.{part}", theirs
                continue
            yield f"{head}.spatial_res_block.{part}", theirs
            yield f"{head}.temporal_res_block.{part}", f"{stack}.time_stack.{resnet[part]}"
            yield f"{head}.time_mixer.mix_factor", f"{stack}.mix_factor"
        else:
            yield ours, theirs
    yield "decoder.time_conv_out", "decoder.conv_out.time_mix_conv"


def _residual(ours: str, theirs: str, resnet: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    head, _, part = ours.rpartition(".")
    stack = theirs.removesuffix(f".{resnet[part]}")
    yield f"{head}.spatial_res_block.{part}", theirs
    yield f"{head}.temporal_res_block.{part}", f"{stack}.time_stack.{resnet[part]}"
    yield f"{head}.time_mixer", f"{stack}.time_mixer"
