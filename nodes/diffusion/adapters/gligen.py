"""GLIGEN: things at places, by gated attention to words with boxes.

Li et al. 2023, GLIGEN: Open-Set Grounded Text-to-Image Generation, arXiv:2301.07093, section 4: in
each block of the network, between the attention to the picture itself and that to the text, stands
one to the picture and to tokens that say what is where.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention import GatedSelfAttentionDense
from diffusers.models.embeddings import GLIGENTextBoundingboxProjection
from torch import Tensor, nn

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint_file import read_header, read_weights, stamp
from nodes.diffusion.files.checkpoint_networks import filled
from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.patches.patch import Call, replaced
from nodes.errors import FileProblem, NodeError
from nodes.imaging.tiles import Tile
from nodes.types import Cond, Conditioning, Gligen, Grounding, Latent

# So many things it was trained to place; fewer are filled up with nothing.
MOST = 30

_FUSER, _POSITION = ".fuser.", "position_net."
# What stands for the text where there is no thing, and the way out of the projection.
_NOTHING, _LAST = "null_positive_feature", "linears.4.weight"
_HEADS = 8


def load_gligen(path: Path, dtype: str) -> Gligen:
    """Load GLIGEN's layers for boxes with texts, made for Stable Diffusion 1.

    Args:
        path: A .safetensors file under the original names; other weights are passed over.
        dtype: What to compute in.

    Raises:
        FileProblem: If the file holds none.
    """
    names = read_header(path).shapes
    if not {_POSITION + _NOTHING, _POSITION + _LAST} <= names.keys():
        raise FileProblem(
            f"{path.name} holds no GLIGEN for boxes with texts.",
            "Choose a file from the gligen folder.",
            "gligen.kind",
        )
    mapped = read_weights(path, lambda name: _FUSER in name or name.startswith(_POSITION))
    # What is the same in all Stable Diffusion 1 is the default here.
    fusers = ldm_keys.unet_from_ldm(
        {ldm_keys.UNET_PREFIX + n: t for n, t in mapped.items() if _FUSER in n}, {}
    )
    places = sorted({name.partition(_FUSER)[0] for name in fusers})
    position = {n.removeprefix(_POSITION): t for n, t in mapped.items() if n.startswith(_POSITION)}
    kind: Any = GLIGENTextBoundingboxProjection
    with torch.device("meta"):
        projection = kind(len(position[_NOTHING]), len(position[_LAST]))
        layers = [_fuser(fusers, place) for place in places]
    network = nn.ModuleDict({"position": projection, "fusers": nn.ModuleList(layers)})
    weights = {f"position.{name}": tensor for name, tensor in position.items()}
    for number, place in enumerate(places):
        start = place + _FUSER
        own = {n.removeprefix(start): t for n, t in fusers.items() if n.startswith(start)}
        weights |= {f"fusers.{number}.{name}": tensor for name, tensor in own.items()}
    made = filled(network, weights, dtype, "GLIGEN")
    return Gligen(made, tuple(places), dtype, f"{stamp(path)}#gligen")


def _fuser(weights: Mapping[str, Tensor], place: str) -> nn.Module:
    width, context = weights[f"{place}{_FUSER}linear.weight"].shape
    return GatedSelfAttentionDense(width, context, _HEADS, width // _HEADS)


def with_box(
    conditioning: Conditioning, gligen: Gligen, text: Tensor, box: tuple[int, int, int, int]
) -> Conditioning:
    """Place a thing in every part, beside those that are placed by the same GLIGEN.

    Args:
        conditioning: What is asked for.
        gligen: What places it.
        text: (1, P), the summary of what it is.
        box: Left, top, right and bottom in pixels.
    """
    more = torch.tensor([box], dtype=torch.float32)

    def placed(part: Cond) -> Grounding:
        before = part.grounding
        if before is None or before.gligen.key != gligen.key:
            return Grounding(gligen, more, text)
        boxes, texts = torch.cat([before.boxes, more]), torch.cat([before.texts, text])
        return Grounding(gligen, boxes, texts)

    return Conditioning(tuple(replace(p, grounding=placed(p)) for p in conditioning.parts))


def shared_grounding(conditionings: tuple[Conditioning, ...]) -> tuple[Conditioning, ...]:
    """Give what is led away from nothing at any place, as in training, where others have things."""
    known = next((p.grounding for p in _parts(conditionings) if p.grounding), None)
    if known is None:
        return conditionings
    nothing = replace(known, boxes=known.boxes[:0], texts=known.texts[:0])
    return tuple(
        Conditioning(tuple(replace(p, grounding=p.grounding or nothing) for p in each.parts))
        for each in conditionings
    )


def things_on_tile(grounding: Grounding, tile: Tile) -> Grounding:
    """Give the things of which something is to be seen in a tile, in the tile's pixels."""
    corner = torch.tensor([tile.left, tile.top] * 2)
    most = torch.tensor([tile.right - tile.left, tile.bottom - tile.top] * 2)
    boxes = (grounding.boxes - corner).clamp(min=0).minimum(most)
    seen = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return replace(grounding, boxes=boxes[seen], texts=grounding.texts[seen])


def grounded_on(
    conditionings: tuple[Conditioning, ...], place: Callable[[Gligen], Gligen]
) -> tuple[tuple[Conditioning, ...], Gligen | None]:
    """Put the GLIGEN that conditionings have, if they have any, where it is to work.

    Raises:
        NodeError: If they have more than one.
    """
    used = {
        p.grounding.gligen.key: p.grounding.gligen for p in _parts(conditionings) if p.grounding
    }
    if len(used) > 1:
        raise NodeError(
            "Things are placed by more than one GLIGEN.",
            "Use the same one for all of them.",
            "gligen.count",
        )
    if not used:
        return conditionings, None
    working = place(*used.values())

    def moved(part: Cond) -> Cond:
        own = part.grounding
        return part if own is None else replace(part, grounding=replace(own, gligen=working))

    return tuple(Conditioning(tuple(map(moved, c.parts))) for c in conditionings), working


def _parts(conditionings: Sequence[Conditioning]) -> Iterator[Cond]:
    return (part for each in conditionings for part in each.parts)


@torch.no_grad()
def told_things(part: Cond, latent: Latent, downscale: int) -> Cond:
    """Give a part the tokens of its things, as `things` (1, MOST, C) among its extras.

    Raises:
        NodeError: If there are more than it was trained for, or their texts are another family's.
    """
    grounding = part.grounding
    if grounding is None:
        return part
    projection: Any = grounding.gligen.network.get_submodule("position")
    count, width = len(grounding.boxes), projection.positive_len
    if count > MOST:
        raise NodeError(
            f"GLIGEN places at most {MOST} things, and {count} are asked for.",
            "Leave some out.",
            "gligen.count",
        )
    if grounding.texts.shape[1] != width:
        raise NodeError(
            f"The text was encoded to {grounding.texts.shape[1]} numbers, but this GLIGEN reads "
            f"{width}.",
            "Encode it with the text encoder of Stable Diffusion 1.",
            "conditioning.width",
        )
    height, columns = (side * downscale for side in latent.samples.shape[-2:])
    boxes, texts, holds = torch.zeros(MOST, 4), torch.zeros(MOST, width), torch.zeros(MOST)
    boxes[:count] = grounding.boxes / torch.tensor([columns, height, columns, height])
    texts[:count], holds[:count] = grounding.texts, 1
    given = (each[None].to(*work_place(projection)) for each in (boxes, holds, texts))
    things: Tensor = projection(*given)
    return replace(part, extras={**part.extras, "things": things.float().cpu()})


@contextmanager
def grounded(network: nn.Module, call: Call, *, gligen: Gligen) -> Iterator[None]:
    """Put GLIGEN's layers into a network during one call.

    Raises:
        NodeError: If it is not the network that they were made for.
    """
    fusers: Sequence[Any] = list(gligen.network.get_submodule("fusers").children())
    blocks = dict(network.named_modules())
    own = {name for name in blocks if name.rpartition(".")[0].endswith("transformer_blocks")}
    widths = [getattr(blocks.get(place), "dim", None) for place in gligen.places]
    if own != set(gligen.places) or widths != [fuser.linear.out_features for fuser in fusers]:
        raise NodeError(
            "This GLIGEN was made for another family of models.",
            "Use it with a model of Stable Diffusion 1.",
            "gligen.family",
        )
    with ExitStack() as stack:
        # Its tokens are made once for the whole sampling.
        stack.enter_context(replaced(network, "position_net", lambda objs: objs))
        for place, fuser in zip(gligen.places, fusers, strict=True):
            stack.enter_context(replaced(blocks[place], "fuser", fuser))
        yield
