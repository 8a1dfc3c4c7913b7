"""Pickled weights: their tensors, and nothing else that such a file could do."""

import pickle
from pathlib import Path
from typing import Any

import torch

from nodes.errors import FileProblem

PICKLED = (".pth", ".pt", ".bin")


def read_pickled(path: Path) -> dict[str, Any]:
    """Read a pickled file of tensors and plain values, and refuse to run anything that is in it.

    torch's reader for weights alone knows the few operations that build tensors and containers;
    whatever else a pickle asks for, it does not do.

    Raises:
        FileProblem: If it asks for more, or is damaged.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FileProblem(
            f"{path.name} holds more than weights: it would run code when it is opened.",
            "Look for its .safetensors version, or convert it where you trust it.",
            "pickle.unsafe",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise FileProblem(
            f"{path.name} is damaged: it cannot be read to its end.",
            "Fetch it again.",
            "pickle.damaged",
        ) from error
    if not isinstance(content, dict):
        raise FileProblem(f"{path.name} holds no weights by name.", code="pickle.kind")
    return content
