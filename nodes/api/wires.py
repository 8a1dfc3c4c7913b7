"""What may flow on wires: frozen dataclasses, marked with `wire`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
C = TypeVar("C", bound=type)


class DeclarationError(Exception):
    """A node or a wire class that is declared wrongly: found at import, says what to mend."""


class Codec(Protocol):
    """How values of a wire class are weighed, and kept on disk."""

    def nbytes(self, value: Any) -> int:
        """Count the bytes that a value holds in memory."""

    def dump(self, value: Any, path: Path) -> None:
        """Write a value to a file."""

    def load(self, path: Path) -> Any:
        """Read a value back."""


@dataclasses.dataclass(frozen=True)
class WireSpec:
    """A wire class as the catalogue knows it.

    Attributes:
        name: The class's name, which is the type's.
        comfy: What ComfyUI calls the type.
        help: The first line of the class's docstring.
        kept: Whether values can be kept on disk.
        usual: The node that mostly gives such a value, for hints; empty where any serves.
        codec: How values are kept; never in JSON.
        source: The module that declares it; never in JSON.
    """

    name: str
    comfy: str
    help: str = ""
    kept: bool = False
    usual: str = ""
    codec: Codec | None = None
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give what clients need."""
        told = {"comfy": self.comfy, "help": self.help, "kept": self.kept}
        return {**told, "usual": self.usual} if self.usual else told


def wire(comfy: str, codec: Codec | None = None, usual: str = "") -> Callable[[C], C]:
    """Mark a frozen dataclass as a type of wires.

    Args:
        comfy: What ComfyUI calls the type, such as "LATENT".
        codec: How values are weighed and kept on disk; without one they stay in memory.
        usual: The id of the node that mostly gives such a value.

    Raises:
        DeclarationError: If the class is no frozen dataclass.
    """

    def mark(cls: C) -> C:
        params = getattr(cls, "__dataclass_params__", None)
        if params is None or not params.frozen:
            raise DeclarationError(
                f"{cls.__name__} is no frozen dataclass. Put @dataclass(frozen=True) below @wire."
            )
        doc = (cls.__doc__ or "").strip().partition("\n")[0]
        kept = codec is not None
        spec = WireSpec(cls.__name__, comfy, doc, kept, usual, codec, cls.__module__)
        type.__setattr__(cls, "__wire__", spec)
        return cls

    return mark


def wire_of(cls: object) -> WireSpec | None:
    """Find how a class was marked; subclasses do not inherit the mark."""
    spec = vars(cls).get("__wire__") if isinstance(cls, type) else None
    return spec if isinstance(spec, WireSpec) else None
