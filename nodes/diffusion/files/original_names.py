"""Names of a network's modules in the original files of its family."""

from collections.abc import Iterator, Mapping
from typing import Any

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.transformer_keys import CHROMA, FLUX, SD3, Layout, Place

_FLUX_BLOCKS = {"double_blocks": "transformer_blocks", "single_blocks": "single_transformer_blocks"}

# How the layouts of transformers are told, and how the names of their blocks begin.
_TRANSFORMERS: Mapping[str, tuple[Layout, Mapping[str, str]]] = {
    "SD3Transformer2DModel": (SD3, {"joint_blocks": "transformer_blocks"}),
    "FluxTransformer2DModel": (FLUX, _FLUX_BLOCKS),
    "ChromaTransformer2DModel": (CHROMA, _FLUX_BLOCKS),
}


def original_places(network: Any) -> Iterator[Place]:
    """Give the places of a network's modules, and maybe of some that others of its family have."""
    layout, blocks = _TRANSFORMERS.get(type(network).__name__, (None, {}))
    if layout is None:
        weights = network.state_dict()
        ldm = ldm_keys.unet_to_ldm(weights, dict(network.config), "")
        for ours, theirs in zip(weights, ldm, strict=True):
            yield Place(theirs.removesuffix(".weight"), (ours.removesuffix(".weight"),))
        return
    numbers = {
        f"{theirs}.{number}.": None
        for theirs, ours in blocks.items()
        for number in range(len(getattr(network, ours)))
    }
    yield from layout.places(numbers)
