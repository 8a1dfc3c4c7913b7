"""What a network's work would cost, found without doing it: sizes alone go through it."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from nodes.diffusion.memory.modules import copy_sharing
from nodes.diffusion.network_calls import input_channels, is_joint, predict, reads_level
from nodes.types import Cond, Cost, Model, Vae

META = torch.device("meta")


def together(*costs: Cost) -> Cost:
    """Give the cost of one work after another."""
    return Cost(sum(c.operations for c in costs), max(c.peak_bytes for c in costs))


def repeated(cost: Cost, times: int) -> Cost:
    """Give the cost of work that is done several times, one after another."""
    return Cost(cost.operations * times, cost.peak_bytes)


def cost_of(network: nn.Module, call: Callable[[Any], object]) -> Cost:
    """Find what a call of a network would cost.

    Args:
        network: Stays as it is.
        call: Calls a network that it is given, with tensors on META; a copy of `network` there.
    """
    placed = copy_sharing(network, META)
    counted, attention = FlopCounterMode(display=False), _Attention()
    watched = _OnDevice()
    with torch.no_grad(), counted, attention, watched:
        call(placed)
    operations = counted.get_total_flops() + attention.operations + watched.idle
    return Cost(operations, watched.peak)


def denoiser_cost(model: Model, height: int, width: int, batch: int, prompt: Cond) -> Cost:
    """Find what one call of a denoiser would cost.

    Args:
        model: The denoiser.
        height: Of the latent, in cells.
        width: Likewise.
        batch: How many latents there are.
        prompt: Its text says how long texts are; the rest of what the network is told has no part.
    """
    config: Any = model.network.config
    dtype = getattr(torch, model.dtype)

    def nothing(*shape: int) -> Tensor:
        return torch.empty(batch, *shape, device=META, dtype=dtype)

    added: dict[str, Tensor] = {}
    pooled = 0 if prompt.pooled is None else prompt.pooled.shape[1]
    if is_joint(model.network):
        added["pooled_projections"] = nothing(pooled)
        if getattr(config, "guidance_embeds", False):
            added["guidance"] = nothing()
    elif getattr(config, "addition_embed_type", None) == "text_time":
        numbers = config.projection_class_embeddings_input_dim - pooled
        added["text_embeds"] = nothing(pooled)
        added["time_ids"] = nothing(numbers // config.addition_time_embed_dim)
    if getattr(config, "class_embed_type", None) == "timestep":
        added["class_labels"] = nothing()
    elif getattr(config, "num_class_embeds", None):
        added["class_labels"] = torch.empty(batch, device=META, dtype=torch.long)
    own = getattr(model.network, "added_conditions", None)
    if own is not None:
        named: dict[str, Tensor] = own(prompt.pooled, prompt.extras)
        added |= {name: nothing(*value.shape[1:]) for name, value in named.items()}
    if reads_level(model.network):
        added["timestep_cond"] = nothing(config.time_cond_proj_dim)
    x = nothing(input_channels(model.network), height, width)
    text = nothing(*prompt.embeds.shape[1:])
    return cost_of(model.network, lambda net: predict(net, x, nothing(), text, added, {}))


def encoder_cost(vae: Vae, side: int) -> Cost:
    """Find what it would cost to encode a picture, given its side in pixels."""
    pixels = torch.empty(1, 3, side, side, device=META, dtype=getattr(torch, vae.dtype))
    return cost_of(vae.network, lambda net: net.encode(pixels))


def decoder_cost(vae: Vae, side: int) -> Cost:
    """Find what it would cost to decode a picture, given its side in pixels."""
    form, dtype = vae.latent_format, getattr(torch, vae.dtype)
    cells = side // form.downscale
    latent = torch.empty(1, form.channels, cells, cells, device=META, dtype=dtype)
    return cost_of(vae.network, lambda net: net.decode(latent))


class _Attention(TorchFunctionMode):
    """Stands in for attention, which on every device works in blocks and keeps no scores."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        given = dict(zip(("query", "key", "value"), args, strict=False)) | (kwargs or {})
        query, key, value = given["query"], given["key"], given["value"]
        pairs = query.shape[:-1].numel() * key.shape[-2]
        self.operations += 2 * pairs * (query.shape[-1] + value.shape[-1])
        return query.new_empty(*query.shape[:-1], value.shape[-1])


class Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the tensors that operations have made and that are still held.

    Attributes:
        peak: The most there were at once, while the context lasted.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._now = 0
        # How many tensors look at a storage, by its address.
        self._views: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        known = {_storage(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._hold(leaf, known)
        return made

    def _hold(self, tensor: Tensor, known: set[int]) -> None:
        storage = _storage(tensor)
        if storage not in self._views:
            if storage in known:
                # A view of a weight or an input, which was there before.
                return
            self._views[storage] = 0
            self._now += tensor.untyped_storage().nbytes()
            self.peak = max(self.peak, self._now)
        self._views[storage] += 1
        weakref.finalize(tensor, self._drop, storage, tensor.untyped_storage().nbytes())

    def _drop(self, storage: int, nbytes: int) -> None:
        self._views[storage] -= 1
        if not self._views[storage]:
            del self._views[storage]
            self._now -= nbytes


class _OnDevice(Peak):  # type: ignore[no-untyped-call]
    """Counts what a device does for convolutions beside what their sizes say.

    It works on a copy of what a convolution reads, or of what it makes, in an order of its own:
    measured on processors, the larger of the two, and nothing where it looks at single pixels. And
    it makes `_TOGETHER` channels in the time of one.

    Attributes:
        idle: Operations for channels that nobody asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.idle = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = super().__torch_dispatch__(func, types, args, kwargs)
        if func is torch.ops.aten.convolution.default:
            weight, channels = args[1], made.shape[1]
            each = 2 * made.numel() // channels * weight.numel() // len(weight)
            self.idle += each * (-channels % _TOGETHER)
            if max(weight.shape[2:]) > 1:
                self.peak = max(self.peak, self._now + max(args[0].nbytes, made.nbytes))
        return made


_TOGETHER = 32


def _storage(tensor: Tensor) -> int:
    address: int = tensor.untyped_storage()._cdata
    return address
