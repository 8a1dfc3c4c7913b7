"""What a conditioning asks for, as it holds for one tile of a picture."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from nodes.diffusion.adapters.gligen import things_on_tile
from nodes.diffusion.patches.patch import NetworkPatch
from nodes.imaging.tiles import Tile
from nodes.types import Area, Cond, Conditioning, Mask, Model


def on_tile(
    conditionings: Sequence[Conditioning], tile: Tile, height: int, width: int
) -> tuple[Conditioning, ...]:
    """Cut conditionings to a tile: their hints, masks and areas.

    Args:
        conditionings: For the whole picture.
        tile: In pixels of the picture.
        height: Of the picture, in pixels.
        width: Likewise.

    Returns:
        Of each the parts that have something to say there; all of them, without their areas and
        masks, if none has. A control that is shared stays shared.
    """
    controls = {
        control: replace(control, hint=_place(tile, height, width, control.hint).of(control.hint))
        for control in {c for each in conditionings for part in each.parts for c in part.controls}
    }

    def cut(each: Conditioning) -> Conditioning:
        here = [_cut(part, tile, height, width) for part in each.parts]
        kept = [part for part in here if part is not None]
        kept = kept or [replace(part, area=None, mask=None) for part in each.parts]
        return Conditioning(
            tuple(
                replace(
                    part,
                    controls=tuple(controls[control] for control in part.controls),
                    grounding=part.grounding and things_on_tile(part.grounding, tile),
                )
                for part in kept
            )
        )

    return tuple(cut(each) for each in conditionings)


def model_on_tile(model: Model, tile: Tile, height: int, width: int) -> Model:
    """Cut the masks of a model's patches, such as IP-Adapters, to a tile.

    Args:
        model: Its patches hold for the whole picture.
        tile: In pixels of the picture.
        height: Of the picture, in pixels.
        width: Likewise.
    """

    def cut(patch: object) -> object:
        mask = patch.options.get("mask") if isinstance(patch, NetworkPatch) else None
        if not isinstance(patch, NetworkPatch) or not isinstance(mask, Mask):
            return patch
        here = Mask(_place(tile, height, width, mask.values).of(mask.values))
        return replace(patch, options={**patch.options, "mask": here})

    return replace(model, patches=tuple(map(cut, model.patches)))


def _cut(part: Cond, tile: Tile, height: int, width: int) -> Cond | None:
    """Give a part its area and mask in the tile; None where it has nothing to say there."""
    area, mask = part.area, part.mask
    if area is not None:
        area = _within(area, tile, height, width)
        if area is None:
            return None
    if mask is not None:
        mask = Mask(_place(tile, height, width, mask.values).of(mask.values))
        if not mask.values.any():
            return None
    return replace(part, area=area, mask=mask)


def _place(tile: Tile, height: int, width: int, plane: Tensor) -> Tile:
    """Find a tile in a plane (…, h, w) that shows the picture at another resolution."""
    rows, columns = plane.shape[-2:]
    return Tile(
        tile.top * rows // height,
        max(-(-tile.bottom * rows // height), 1),
        tile.left * columns // width,
        max(-(-tile.right * columns // width), 1),
    )


def _within(area: Area, tile: Tile, height: int, width: int) -> Area | None:
    """Give the part of an area that lies in a tile, in the tile's pixels; None if there is none."""
    tall, wide = (height, width) if area.relative else (1, 1)
    top, left = area.y * tall, area.x * wide
    bottom, right = top + area.height * tall, left + area.width * wide
    top, bottom = max(top, tile.top), min(bottom, tile.bottom)
    left, right = max(left, tile.left), min(right, tile.right)
    if top >= bottom or left >= right:
        return None
    return Area(right - left, bottom - top, left - tile.left, top - tile.top)
