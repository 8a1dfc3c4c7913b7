"""An example to copy: one node, declared by a typed function."""

from typing import Annotated

from torch import tensor

from nodes.api import Choice, Range, node
from nodes.types import Image

INKS = {"sepia": (1.0, 0.85, 0.65), "blue": (0.6, 0.75, 1.0), "rose": (1.0, 0.7, 0.8)}


@node("ExampleTint", title="Tint")
def tint(
    image: Image,
    ink: Annotated[str, Choice(list(INKS))] = "sepia",
    strength: Annotated[float, Range(0, 1, step=0.05)] = 1.0,
) -> Image:
    """Print a picture in one ink.

    Args:
        image: The picture.
        ink: The colour that white becomes.
        strength: 0 leaves the picture as it is, 1 leaves nothing of its own colours.

    Returns:
        image: The tinted picture, of the size that came in.
    """
    colours = image.pixels[:, :3]
    grey = colours.mean(dim=1, keepdim=True)
    tinted = grey * tensor(INKS[ink]).view(1, 3, 1, 1)
    pixels = image.pixels.clone()
    pixels[:, :3] = colours.lerp(tinted, strength)
    return Image(pixels)
