"""DeepCache: the depths of a U-Net are computed at some steps, and kept for those between.

Ma et al. 2023, DeepCache: Accelerating Diffusion Models for Free, arXiv:2312.00858. From step to
step the depths change little; the shallow layers, which are few, make the rest of the difference.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from nodes.diffusion.patches.patch import Call, replaced


@dataclass
class _Kept:
    """What the depths gave, and how many estimates were made with it."""

    planes: Tensor
    uses: int = 0


@contextmanager
def deep_cached(
    network: Any,
    call: Call,
    *,
    memory: dict[Hashable, _Kept],
    interval: int,
    depth: int,
    first: float,
    last: float,
) -> Iterator[None]:
    """Compute the depths for the first of every `interval` estimates, and keep what they give.

    Args:
        network: A UNet2DConditionModel.
        call: Its parts are known again by their names; what other patches made of the depths is
            used where the same ones hold.
        memory: What is kept, from call to call of one sampling.
        interval: 1 computes everything always.
        depth: How many of the layers on each way count as shallow, and are always computed.
        first: The highest noise level at which it holds.
        last: The lowest.
    """
    down, up = down_layers(network), up_layers(network)
    depth = min(depth, len(up) - 1)
    key = (call.names, call.first, call.holding)
    kept = memory.get(key)
    with ExitStack() as stack:
        if not last <= call.sigma <= first or interval == 1:
            yield
        elif kept is not None and kept.uses < interval - 1:
            kept.uses += 1
            deep = [*down[depth:], *up[:-depth]]
            stack.enter_context(_without(network, deep, kept.planes, depth))
            yield
        else:
            # The last of the deep layers gives what meets the deepest shallow one.
            memory.pop(key, None)
            before = up[-depth - 1][-1]

            def keep(_: nn.Module, __: Any, output: Any) -> None:
                planes = output[0] if isinstance(output, tuple) else output
                memory[key] = _Kept(planes.clone())

            stack.callback(before.register_forward_hook(keep).remove)
            yield


def down_layers(network: Any) -> list[tuple[nn.Module, ...]]:
    """List the modules of a U-Net's way down by the skips that they give, from the first."""
    found: list[tuple[nn.Module, ...]] = [(network.conv_in,)]
    for block in network.down_blocks:
        found += _layers(block)
        found += [(sampler,) for sampler in block.downsamplers or ()]
    return found


def up_layers(network: Any) -> list[tuple[nn.Module, ...]]:
    """List the modules of a U-Net's way up by the skips that they take, from the last skip."""
    found: list[tuple[nn.Module, ...]] = []
    for block in network.up_blocks:
        layers = _layers(block)
        layers[-1] = (*layers[-1], *(block.upsamplers or ()))
        found += layers
    return found


def _layers(block: Any) -> list[tuple[nn.Module, ...]]:
    attentions = getattr(block, "attentions", None)
    if attentions is None:
        return [(resnet,) for resnet in block.resnets]
    return list(zip(block.resnets, attentions, strict=True))


@contextmanager
def _without(
    network: Any, deep: list[tuple[nn.Module, ...]], planes: Tensor, depth: int
) -> Iterator[None]:
    """Let layers pass on what they are given, and the middle give the planes that were kept."""

    def pass_on(hidden: Tensor, *_: Any, **__: Any) -> Tensor:
        # On the way up a skip has been put behind the channels from below.
        return hidden[:, : planes.shape[1]]

    def pass_on_in_tuple(hidden: Tensor, *_: Any, **__: Any) -> tuple[Tensor]:
        return (hidden,)

    with ExitStack() as stack:
        for layer in deep:
            for place, module in enumerate(layer):
                attention = place == 1 and hasattr(module, "transformer_blocks")
                stack.enter_context(_instead(module, pass_on_in_tuple if attention else pass_on))
        stack.enter_context(_instead(network.mid_block, lambda *_, **__: planes))
        forward = network.forward
        stack.enter_context(replaced(network, "forward", _steered_where(forward, depth)))
        yield


def _steered_where(forward: Callable[..., Any], depth: int) -> Callable[..., Any]:
    """Have a ControlNet add to shallow layers only: what the rest had from it is kept as well."""

    def call(*args: Any, **named: Any) -> Any:
        name = "down_block_additional_residuals"
        if named.get(name) is not None:
            shallow = list(named[name])[:depth]
            named[name] = [*shallow, *[0.0] * (len(named[name]) - len(shallow))]
            named["mid_block_additional_residual"] = 0.0
        return forward(*args, **named)

    return call


def _instead(module: nn.Module, function: Callable[..., Any]) -> Any:
    """Have a function called instead of a module, past the hooks of other patches."""
    return replaced(module, "_compiled_call_impl", function)
