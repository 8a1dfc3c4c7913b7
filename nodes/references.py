"""References: pictures that editing models look at while they draw another."""

from typing import Annotated

from nodes.api import Choice, Shape, node
from nodes.diffusion.inputs.references import DEFAULT, METHODS, with_reference
from nodes.diffusion.text.arithmetic import with_extras
from nodes.imaging.resize import resize
from nodes.types import Conditioning, Image, Latent

GROUP = "prompts"

# The sizes that Flux Kontext was trained on: widths by heights, each also upright.
KONTEXT_SIZES = (
    (1024, 1024),
    (1104, 944),
    (1184, 880),
    (1248, 832),
    (1328, 800),
    (1392, 752),
    (1456, 720),
    (1504, 688),
    (1568, 672),
)


@node("ReferenceLatent", title="Reference latent", aliases=("edit", "kontext"))
def reference_latent(conditioning: Conditioning, latent: Latent | None = None) -> Conditioning:
    """Show an editing model a picture, such as the one that Flux Kontext is to change.

    Several can follow one another. Models that know no references pass them over.

    Args:
        conditioning: What is to be done.
        latent: The picture, encoded by the model's VAE; nothing is shown without.

    References:
        Batifol et al. 2025, FLUX.1 Kontext: Flow Matching for In-Context Image Generation and
        Editing in Latent Space, arXiv:2506.15742.
    """
    return conditioning if latent is None else with_reference(conditioning, latent)


@node("FluxKontextMultiReferenceLatentMethod", title="Flux Kontext: several references")
def flux_kontext_multi_reference_latent_method(
    conditioning: Conditioning,
    reference_latents_method: Annotated[str, Choice(tuple(METHODS))] = DEFAULT,
) -> Conditioning:
    """Say where several references stand for the model.

    Args:
        conditioning: A prompt with references.
        reference_latents_method: "offset" puts them on one sheet, as Kontext was trained; "index"
            gives each a time of its own; "uxo/uno" sets them along the diagonal, for those models.
    """
    return with_extras(conditioning, {"reference_method": reference_latents_method})


@node("FluxKontextImageScale", title="Flux Kontext: image scale", aliases=("resize",))
def flux_kontext_image_scale(
    image: Image,
) -> Annotated[Image, Shape(batch="image.batch", channels="image.channels")]:
    """Bring a picture to the nearest of the sizes that Flux Kontext was trained on.

    Args:
        image: What does not fit the proportions is cut off at both ends.
    """
    height, width = image.pixels.shape[-2:]
    sizes = {*KONTEXT_SIZES, *((tall, wide) for wide, tall in KONTEXT_SIZES)}
    wide, tall = min(sorted(sizes), key=lambda size: abs(size[0] / size[1] - width / height))
    return Image(resize(image.pixels, wide, tall, "lanczos", "center"))
