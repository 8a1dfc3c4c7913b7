"""Names of weights in the original files of Stable Diffusion 3, Flux and Chroma, and in diffusers.

Each table maps a module's path in the original to its paths in diffusers. Where the original keeps
several projections in one weight there are several paths, in the order of its rows; the pieces are
views, so that weights stay mapped. All that the tables depend on is told by the names and shapes
themselves.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nodes.diffusion.files.ldm_keys import UnknownKeysError
from nodes.diffusion.files.weight_shapes import count


@dataclass(frozen=True)
class Place:
    """Where a module of the original stands in diffusers.

    Attributes:
        theirs: Its path in the original; a whole name where it holds but one tensor.
        ours: Its path in diffusers, or those of its pieces.
        swapped: Whether it gives a shift and then a scale, which diffusers expects the other way.
    """

    theirs: str
    ours: tuple[str, ...]
    swapped: bool = False


@dataclass(frozen=True)
class Layout:
    """How the original of a family names its weights.

    Attributes:
        part: What it is called in messages.
        input: Name of the first projection, which has as many rows as the model is wide.
        places: Lists all places for the names of a file.
    """

    part: str
    input: str
    places: Callable[[Mapping[str, object]], Iterator[Place]]


def from_original(weights: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Give the weights of an original file their names in diffusers.

    Args:
        weights: Those of the transformer alone, without a prefix; meta tensors do.
        layout: The family's.

    Raises:
        UnknownKeysError: If a weight has no place there.
        KeyError: If the first projection is missing.
    """
    width = weights[layout.input].shape[0]
    places = {place.theirs: place for place in layout.places(weights)}
    renamed: dict[str, Tensor] = {}
    unknown: list[str] = []
    for name, tensor in weights.items():
        place, rest = _found(name, places)
        if place is None:
            unknown.append(name)
            continue
        # A lone number is a factor on all that its module holds.
        lone = tensor.ndim == 0
        count = len(place.ours)
        pieces = [tensor] * count if lone else _pieces(tensor, count, width)
        if place.swapped and not lone:
            pieces = [torch.cat(tensor.chunk(2)[::-1])]
        renamed |= {path + rest: piece for path, piece in zip(place.ours, pieces, strict=True)}
    if unknown:
        raise UnknownKeysError(layout.part, unknown)
    return renamed


def _found(name: str, places: Mapping[str, Place]) -> tuple[Place | None, str]:
    path = name
    while path:
        if path in places:
            return places[path], name[len(path) :]
        path = path.rpartition(".")[0]
    return None, ""


def _pieces(tensor: Tensor, count: int, width: int) -> Sequence[Tensor]:
    """Cut rows: all pieces are as many as the model is wide, but for the last."""
    if count == 1:
        return [tensor]
    last = tensor.shape[0] - (count - 1) * width
    return torch.split(tensor, [width] * (count - 1) + [last]) if last > 0 else [tensor]


def _renames(pairs: Mapping[str, str], theirs: str = "", ours: str = "") -> Iterator[Place]:
    return (Place(theirs + one, (ours + two,)) for one, two in pairs.items())


def _qkv(theirs: str, ours: str, names: Sequence[str] = ("to_q", "to_k", "to_v")) -> Place:
    return Place(theirs, tuple(ours + name for name in names))


_ADDED = ("add_q_proj", "add_k_proj", "add_v_proj")

_SD3_OUTSIDE = {
    "pos_embed": "pos_embed.pos_embed",
    "x_embedder.proj": "pos_embed.proj",
    "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
    "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
    "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
    "context_embedder": "context_embedder",
    "final_layer.linear": "proj_out",
}
_SD3_PICTURE = {
    "attn.proj": "attn.to_out.0",
    "attn.ln_q": "attn.norm_q",
    "attn.ln_k": "attn.norm_k",
    "attn2.proj": "attn2.to_out.0",
    "attn2.ln_q": "attn2.norm_q",
    "attn2.ln_k": "attn2.norm_k",
    "adaLN_modulation.1": "norm1.linear",
    "mlp.fc1": "ff.net.0.proj",
    "mlp.fc2": "ff.net.2",
}
_SD3_TEXT = {
    "attn.proj": "attn.to_add_out",
    "attn.ln_q": "attn.norm_added_q",
    "attn.ln_k": "attn.norm_added_k",
    "adaLN_modulation.1": "norm1_context.linear",
    "mlp.fc1": "ff_context.net.0.proj",
    "mlp.fc2": "ff_context.net.2",
}


def _sd3_places(names: Mapping[str, object]) -> Iterator[Place]:
    yield from _renames(_SD3_OUTSIDE)
    yield Place("final_layer.adaLN_modulation.1", ("norm_out.linear",), swapped=True)
    last = count(names, "joint_blocks.")
    for layer in range(last):
        theirs, ours = f"joint_blocks.{layer}.", f"transformer_blocks.{layer}."
        picture, text = theirs + "x_block.", theirs + "context_block."
        yield from _renames(_SD3_PICTURE, picture, ours)
        yield _qkv(picture + "attn.qkv", ours + "attn.")
        yield _qkv(picture + "attn2.qkv", ours + "attn2.")
        yield from _renames(_SD3_TEXT, text, ours)
        yield _qkv(text + "attn.qkv", ours + "attn.", _ADDED)
        if layer == last - 1:
            # The text ends here: its last norm has the form of the final layer's.
            modulation = text + "adaLN_modulation.1"
            yield Place(modulation, (ours + "norm1_context.linear",), swapped=True)


def _sd3_control_places(names: Mapping[str, object]) -> Iterator[Place]:
    """List the places of Stability's ControlNets, whose blocks read no text."""
    kept = ("controlnet_blocks", "pos_embed_input", "time_text_embed")
    yield from _renames({name: name for name in kept})
    for layer in range(count(names, "transformer_blocks.")):
        path = f"transformer_blocks.{layer}."
        yield from _renames(_SD3_PICTURE, path, path)
        yield _qkv(path + "attn.qkv", path + "attn.")


_FLUX_OUTSIDE = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
}
_FLUX_DOUBLE = {
    "img_mod.lin": "norm1.linear",
    "img_attn.norm.query_norm.scale": "attn.norm_q.weight",
    "img_attn.norm.key_norm.scale": "attn.norm_k.weight",
    "img_attn.proj": "attn.to_out.0",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mod.lin": "norm1_context.linear",
    "txt_attn.norm.query_norm.scale": "attn.norm_added_q.weight",
    "txt_attn.norm.key_norm.scale": "attn.norm_added_k.weight",
    "txt_attn.proj": "attn.to_add_out",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
}
_FLUX_SINGLE = {
    "modulation.lin": "norm.linear",
    "norm.query_norm.scale": "attn.norm_q.weight",
    "norm.key_norm.scale": "attn.norm_k.weight",
    "linear2": "proj_out",
}


def _flux_places(names: Mapping[str, object]) -> Iterator[Place]:
    yield from _renames(_FLUX_OUTSIDE)
    yield Place("final_layer.adaLN_modulation.1", ("norm_out.linear",), swapped=True)
    for layer in range(count(names, "double_blocks.")):
        theirs, ours = f"double_blocks.{layer}.", f"transformer_blocks.{layer}."
        yield from _renames(_FLUX_DOUBLE, theirs, ours)
        yield _qkv(theirs + "img_attn.qkv", ours + "attn.")
        yield _qkv(theirs + "txt_attn.qkv", ours + "attn.", _ADDED)
    for layer in range(count(names, "single_blocks.")):
        theirs, ours = f"single_blocks.{layer}.", f"single_transformer_blocks.{layer}."
        yield from _renames(_FLUX_SINGLE, theirs, ours)
        pieces = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
        yield Place(theirs + "linear1", tuple(ours + piece for piece in pieces))


def _chroma_places(names: Mapping[str, object]) -> Iterator[Place]:
    """List Flux's places, and those of what gives all modulations in Chroma."""
    yield from _flux_places(names)
    start = "distilled_guidance_layer."
    for part in ("in_proj", "out_proj"):
        yield Place(start + part, (start + part,))
    for layer in range(count(names, f"{start}layers.")):
        path = f"{start}layers.{layer}."
        yield from _renames({"in_layer": "linear_1", "out_layer": "linear_2"}, path, path)
        yield Place(f"{start}norms.{layer}.scale", (f"{start}norms.{layer}.weight",))


SD3 = Layout("Stable Diffusion 3 transformer", "x_embedder.proj.weight", _sd3_places)
SD3_CONTROL = Layout(
    "Stable Diffusion 3 ControlNet", "pos_embed_input.proj.weight", _sd3_control_places
)
FLUX = Layout("Flux transformer", "img_in.weight", _flux_places)
CHROMA = Layout("Chroma transformer", "img_in.weight", _chroma_places)
