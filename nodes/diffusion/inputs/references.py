"""Pictures that Flux Kontext looks at: tokens beside those of the picture that is drawn.

Batifol et al. 2025, FLUX.1 Kontext: Flow Matching for In-Context Image Generation and Editing in
Latent Space, arXiv:2506.15742, section 3. A token's position is (time, row, column): the picture
that is drawn has time 0, and others another time, or the same one and a place beside it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Tensor

from nodes.diffusion.latent_space import in_space
from nodes.diffusion.network_calls import FLUX_PATCH, packed, positions
from nodes.errors import NodeError
from nodes.imaging.batches import as_many
from nodes.imaging.resize import padded_to_multiple
from nodes.types import Cond, Conditioning, Latent, LatentFormat

Size = tuple[int, int]
# Time, row and column of each picture's first token.
Places = Iterator[tuple[int, int, int]]


def with_reference(conditioning: Conditioning, latent: Latent) -> Conditioning:
    """Show a picture to every part, after those that it is shown already."""
    parts = conditioning.parts
    shown = (replace(part, references=(*part.references, latent)) for part in parts)
    return Conditioning(tuple(shown))


def told_references(part: Cond, x: Tensor, space: LatentFormat) -> dict[str, Tensor]:
    """Give the tokens of a part's pictures and their positions, as extras of a prompt.

    Args:
        part: What is asked for; `reference_method` among its extras is one of METHODS.
        x: (B, C, h, w), the latent that is sampled.
        space: Of that latent.

    Returns:
        `reference_tokens` (1|b, N, C * 4) and `reference_places` (1, N, 3); nothing without
        pictures.

    Raises:
        NodeError: If a picture was encoded for another kind of model.
    """
    if not part.references:
        return {}
    pictures = [_fitted(latent, space).to(x) for latent in part.references]
    method = METHODS[str(part.extras.get("reference_method", DEFAULT))]
    rows, columns = (-(-side // FLUX_PATCH) for side in x.shape[-2:])
    sizes = [(p.shape[-2] // FLUX_PATCH, p.shape[-1] // FLUX_PATCH) for p in pictures]
    places = [
        positions(tall, wide, place)
        for (tall, wide), place in zip(sizes, method((rows, columns), sizes), strict=True)
    ]
    batch = max(map(len, pictures))
    tokens = [packed(as_many(p, batch)) for p in pictures]
    return {
        "reference_tokens": torch.cat(tokens, dim=1),
        "reference_places": torch.cat(places)[None],
    }


def _side_by_side(drawn: Size, sizes: Sequence[Size]) -> Places:
    """Put all pictures at time 1, on one sheet that grows along its shorter side."""
    tall, wide = 0, 0
    for rows, columns in sizes:
        top, left = (0, wide) if rows + tall > columns + wide else (tall, 0)
        yield 1, top, left
        tall, wide = max(tall, top + rows), max(wide, left + columns)


def _one_after_another(drawn: Size, sizes: Sequence[Size]) -> Places:
    """Give each picture a time of its own."""
    for number in range(len(sizes)):
        yield number + 1, 0, 0


def _along_the_diagonal(drawn: Size, sizes: Sequence[Size]) -> Places:
    """Put each picture below and to the right of all before, as UNO and UXO were trained.

    Wu et al. 2025, Less-to-More Generalization, arXiv:2504.02160, section 3.3.
    """
    top, left = drawn
    for rows, columns in sizes:
        yield 0, top, left
        top, left = top + rows, left + columns


def _fitted(latent: Latent, space: LatentFormat) -> Tensor:
    """Bring pictures to a model's space, (b, C, h, w), and their sides to whole patches."""
    samples = in_space(latent, space)
    if samples.shape[1] != space.channels:
        raise NodeError(
            f"A reference has {samples.shape[1]} channels, but the model works on "
            f"{space.channels}.",
            "Encode it with the VAE that belongs to the model.",
            "latent.channels",
        )
    return padded_to_multiple(samples, FLUX_PATCH, "circular")


METHODS: Mapping[str, Callable[[Size, Sequence[Size]], Places]] = MappingProxyType(
    {
        "offset": _side_by_side,
        "index": _one_after_another,
        "uxo/uno": _along_the_diagonal,
    }
)
DEFAULT = "offset"
