"""Block merging: models made of two, with a share for each part, named as in original files."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from nodes.api import Names, Range, node
from nodes.diffusion.adapters.merging import by_original_parts, merged_models
from nodes.types import Model

GROUP = "models"

Share = Annotated[float, Range(0, 1, step=0.01)]


def _numbered(start: str, count: int, end: str = ".") -> tuple[str, ...]:
    return tuple(f"{start}.{number}{end}" for number in range(count))


def _unet(levels: int, end: str = ".") -> tuple[str, ...]:
    """Name the parts of a U-Net of two layers a level."""
    ways = [_numbered(name, 3 * levels, end) for name in ("input_blocks", "output_blocks")]
    middle = _numbered("middle_block", 3, end)
    return ("time_embed.", "label_emb.", *ways[0], *middle, *ways[1], "out.")


def _sd3(blocks: int) -> tuple[str, ...]:
    ahead = ("pos_embed.", "x_embedder.", "context_embedder.", "y_embedder.", "t_embedder.")
    return (*ahead, *_numbered("joint_blocks", blocks), "final_layer.")


SD1, SDXL = _unet(4), _unet(3, end="")
SD3_2B, SD35_LARGE = _sd3(24), _sd3(38)
FLUX = (
    *("img_in.", "time_in.", "guidance_in", "vector_in.", "txt_in."),
    *_numbered("double_blocks", 19),
    *_numbered("single_blocks", 38),
    "final_layer.",
)


@node("ModelMergeSD1", title="Merge models by parts (SD 1)", aliases=("blocks", "layers"))
def model_merge_sd1(
    model1: Model, model2: Model, **shares: Annotated[Share, Names(SD1, 1.0)]
) -> Model:
    """Average the weights of two denoisers of Stable Diffusion 1, with a share for each part.

    Args:
        model1: The first denoiser.
        model2: The second one, of the same family.
        **shares: The share of the first denoiser in this part of the network.

    Returns:
        The average.
    """
    return _merged(model1, model2, SD1, shares)


@node("ModelMergeSD2", title="Merge models by parts (SD 2)", aliases=("blocks", "layers"))
def model_merge_sd2(
    model1: Model, model2: Model, **shares: Annotated[Share, Names(SD1, 1.0)]
) -> Model:
    """Average the weights of two denoisers of Stable Diffusion 2, with a share for each part.

    Args:
        model1: The first denoiser.
        model2: The second one, of the same family.
        **shares: The share of the first denoiser in this part of the network.

    Returns:
        The average.
    """
    return _merged(model1, model2, SD1, shares)


@node("ModelMergeSDXL", title="Merge models by parts (SDXL)", aliases=("blocks", "layers"))
def model_merge_sdxl(
    model1: Model, model2: Model, **shares: Annotated[Share, Names(SDXL, 1.0)]
) -> Model:
    """Average the weights of two denoisers of SDXL, with a share for each part.

    Args:
        model1: The first denoiser.
        model2: The second one, of the same family.
        **shares: The share of the first denoiser in this part of the network.

    Returns:
        The average.
    """
    return _merged(model1, model2, SDXL, shares)


@node("ModelMergeSD3_2B", title="Merge models by parts (SD 3)", aliases=("blocks", "layers"))
def model_merge_sd3_2b(
    model1: Model, model2: Model, **shares: Annotated[Share, Names(SD3_2B, 1.0)]
) -> Model:
    """Average the weights of two denoisers of Stable Diffusion 3, with a share for each part.

    Args:
        model1: The first denoiser.
        model2: The second one, of the same family.
        **shares: The share of the first denoiser in this part of the network.

    Returns:
        The average.
    """
    return _merged(model1, model2, SD3_2B, shares)


@node(
    "ModelMergeSD35_Large",
    title="Merge models by parts (SD 3.5 large)",
    aliases=("blocks", "layers"),
)
def model_merge_sd35_large(
    model1: Model, model2: Model, **shares: Annotated[Share, Names(SD35_LARGE, 1.0)]
) -> Model:
    """Average the weights of two denoisers of Stable Diffusion 3.5 large, part by part.

    Args:
        model1: The first denoiser.
        model2: The second one, of the same family.
        **shares: The share of the first denoiser in this part of the network.

    Returns:
        The average.
    """
    return _merged(model1, model2, SD35_LARGE, shares)


@node("ModelMergeFlux1", title="Merge models by parts (Flux)", aliases=("blocks", "layers"))
def model_merge_flux1(
    model1: Model, model2: Model, **shares: Annotated[Share, Names(FLUX, 1.0)]
) -> Model:
    """Average the weights of two denoisers of Flux, with a share for each part.

    Args:
        model1: The first denoiser.
        model2: The second one, of the same family.
        **shares: The share of the first denoiser in this part of the network.

    Returns:
        The average.
    """
    return _merged(model1, model2, FLUX, shares)


def _merged(first: Model, second: Model, parts: Sequence[str], given: Mapping[str, float]) -> Model:
    shares = {part: given.get(part, 1.0) for part in parts}
    return merged_models((first, second), by_original_parts(first.network, shares), f"{shares}")
