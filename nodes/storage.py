"""Storage: latents kept in files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from nodes.api import QUIET, Context, File, FileName, node
from nodes.diffusion.files.latent_file import read_latent, write_latent
from nodes.types import Latent

GROUP = "output"


@node("SaveLatent", title="Save latent")
def save_latent(
    samples: Latent,
    filename_prefix: Annotated[str, FileName()] = "latents/weft",
    *,
    ctx: Context = QUIET,
) -> None:
    """Save a latent to go on from later.

    Args:
        samples: The latent.
        filename_prefix: Start of the file's name; `/` makes folders.
    """

    def write(path: Path, texts: Mapping[str, str]) -> None:
        write_latent(path, samples, texts)

    ctx.save(
        write,
        prefix=filename_prefix,
        suffix=".latent",
        mime="application/octet-stream",
        about={"kind": "latent"},
    )


@node("LoadLatent", title="Load latent", io=True)
def load_latent(latent: Annotated[str, File("latents")], *, ctx: Context = QUIET) -> Latent:
    """Load a latent that was saved here or elsewhere.

    Args:
        latent: A file in the input folder, or `name [output]` for one that was saved here.
    """
    return read_latent(ctx.files.path("latents", latent))
