"""What stands where a checkpoint holds no text encoder or no VAE: whoever uses it is told so."""

from typing import Any

from torch import nn

from nodes.diffusion.text.tokenizer import clip_vocabulary
from nodes.errors import FileProblem
from nodes.types import Clip, LatentFormat, Vae


class Missing(FileProblem, AttributeError):
    """What was asked for is not there: to whoever only looks whether it is, an attribute less."""


class MissingPart(nn.Module):
    """A network that is not there.

    Args:
        message: What is missing, in a sentence.
        hint: What to do about it.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__()
        self._problem = message, hint

    def parameters(self, recurse: bool = True) -> Any:
        """Refuse; whatever computes with a network looks at its parameters.

        Raises:
            Missing: Always.
        """
        raise self._told()

    def __getattr__(self, name: str) -> Any:
        """Refuse whatever a network of its kind would have.

        Raises:
            Missing: Always.
        """
        raise self._told()

    def _told(self) -> Missing:
        message, hint = self._problem
        return Missing(message, hint, "checkpoint.parts")


def missing_clip(file: str, key: str) -> Clip:
    """Stand for the text encoder that a file does not hold."""
    part = MissingPart(
        f"{file} holds no text encoder.",
        "Load one with CLIPLoader, DualCLIPLoader or TripleCLIPLoader.",
    )
    return Clip(part, clip_vocabulary(), f"{key}#no-clip")


def missing_vae(file: str, latents: LatentFormat, key: str) -> Vae:
    """Stand for the VAE that a file does not hold."""
    part = MissingPart(f"{file} holds no VAE.", "Load one with VAELoader.")
    return Vae(part, latents, "float32", f"{key}#no-vae")
