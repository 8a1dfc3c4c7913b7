"""What an annotation says beyond its type: limits, choices, widgets; and how many values flow."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Protocol, TypeAlias, TypeVar

from nodes.api.file_names import prefix_refusal, with_date

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
T_co = TypeVar("T_co", covariant=True)
_SOME_DAY = datetime(2000, 1, 1)


class Each(Protocol[T_co]):
    """An output that yields a sequence: what takes one element runs once for each."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[T_co]: ...


class All(Protocol[T_co]):
    """An input that receives the whole of a sequence."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[T_co]: ...
    def __getitem__(self, index: int, /) -> T_co: ...


class Lazy(Protocol[T_co]):
    """An input that is computed only when called."""

    def __call__(self) -> T_co: ...


class AnyType(Protocol):
    """A socket that takes, or gives, whatever flows."""


class Marker(Protocol):
    """Metadata of a widget input, kept in `Annotated`."""

    def check(self, value: JSON) -> str | None:
        """Say in a sentence what is wrong with a value, or None."""

    def describe(self) -> dict[str, JSON]:
        """Say what the editor needs to draw the widget; has a "kind"."""


@dataclass(frozen=True)
class Range:
    """A number from `min` to `max`, both included; `step` is what one click changes."""

    min: float
    max: float
    step: float | None = None

    def check(self, value: JSON) -> str | None:
        """Refuse what is not a finite number within the range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{value!r} is not a number."
        if not math.isfinite(value):
            return "The value is not a finite number."
        if not self.min <= value <= self.max:
            return f"{value} is not between {self.min} and {self.max}."
        return None

    def describe(self) -> dict[str, JSON]:
        """Give min, max and step."""
        return {"kind": "range", "min": self.min, "max": self.max, "step": self.step}


@dataclass(frozen=True)
class Choice:
    """One of the options."""

    options: tuple[str, ...]

    def __init__(self, options: "tuple[str, ...] | list[str]") -> None:
        object.__setattr__(self, "options", tuple(options))

    def check(self, value: JSON) -> str | None:
        """Refuse what is not an option, naming the nearest one."""
        if value in self.options:
            return None
        return f"{value!r} is not a choice." + did_you_mean(str(value), self.options)

    def describe(self) -> dict[str, JSON]:
        """Give the options in order."""
        return {"kind": "choice", "options": list(self.options)}


@dataclass(frozen=True)
class File:
    """The name of a file in the folder of a kind, such as "checkpoints" or "input"."""

    kind: str
    upload: bool = False

    def check(self, value: JSON) -> str | None:
        """Refuse what cannot be a file name below a folder."""
        if not isinstance(value, str):
            return f"{value!r} is not a file name."
        if not value:
            return "No file is chosen."
        parts = value.replace("\\", "/").split("/")
        if "\0" in value or ":" in value or ".." in parts or parts[0] == "":
            return "The name leads out of its folder."
        return None

    def describe(self) -> dict[str, JSON]:
        """Give the folder and whether users may upload into it."""
        return {"kind": "file", "folder": self.kind, "upload": self.upload}


@dataclass(frozen=True)
class FileName:
    """The start of the names of files that a node saves; `/` makes folders.

    `%date:yyyy-MM-dd%`, `%year%` and the like stand for the time of saving, `%Title.input%` for
    the value of another node's input.
    """

    def check(self, value: JSON) -> str | None:
        """Refuse what files cannot be saved under."""
        if not isinstance(value, str):
            return f"{value!r} is not a file name."
        reason = prefix_refusal(with_date(value, _SOME_DAY))
        return None if reason is None else f"the name cannot be used: {reason}."

    def describe(self) -> dict[str, JSON]:
        """Give the kind."""
        return {"kind": "file_name"}


@dataclass(frozen=True)
class Seed:
    """A whole number from 0 to 2^64 - 1 that fixes what is random."""

    def check(self, value: JSON) -> str | None:
        """Refuse what is not an unsigned 64-bit integer."""
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{value!r} is not a whole number."
        if not 0 <= value < 2**64:
            return f"{value} is not between 0 and 2^64 - 1."
        return None

    def describe(self) -> dict[str, JSON]:
        """Give the kind."""
        return {"kind": "seed"}


@dataclass(frozen=True)
class Multiline:
    """Text over several lines; `mentions` is the kind of files that it may name (`mentions.py`)."""

    mentions: str = ""

    def check(self, value: JSON) -> str | None:
        """Refuse what is not text."""
        return None if isinstance(value, str) else f"{value!r} is not text."

    def describe(self) -> dict[str, JSON]:
        """Give the kind, and that of the files that the text may name."""
        return {"kind": "multiline", **({"mentions": self.mentions} if self.mentions else {})}


@dataclass(frozen=True)
class Colour:
    """A colour: "#rrggbb" as text, or 0xRRGGBB as a whole number."""

    def check(self, value: JSON) -> str | None:
        """Refuse what names no colour."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFFFF:
            return None
        if isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value):
            return None
        return f"{value!r} is not a colour such as #ff8800."

    def describe(self) -> dict[str, JSON]:
        """Give the kind."""
        return {"kind": "colour"}


@dataclass(frozen=True)
class Label:
    """The words beside an input or output, where its name does not serve."""

    text: str

    def check(self, value: JSON) -> str | None:
        """Accept everything: a label limits nothing."""
        return None

    def describe(self) -> dict[str, JSON]:
        """Give the text."""
        return {"kind": "label", "text": self.text}


@dataclass(frozen=True)
class Names:
    """The names of inputs that are alike, which a function takes as one `**group`.

    Attributes:
        names: In order.
        default: The value of each where nothing is given.
    """

    names: tuple[str, ...]
    default: bool | int | float | str


def marker_from_json(data: Mapping[str, JSON]) -> Marker:
    """Build a marker from what its `describe` gave.

    Raises:
        ValueError: If the kind is not known.
    """
    kind = data.get("kind")
    build = _KINDS.get(str(kind))
    if build is None:
        raise ValueError(f"Unknown widget {kind!r}.")
    return build(data)


def did_you_mean(word: str, known: "tuple[str, ...] | list[str]") -> str:
    """Suggest the nearest of the known words: " Did you mean …?", or nothing."""
    folded = {name.casefold(): name for name in reversed(known)}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[near[0]]!r}?" if near else ""


def _number(value: JSON) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number.")
    return value


def _range(data: Mapping[str, JSON]) -> Marker:
    step = data.get("step")
    least, most = _number(data["min"]), _number(data["max"])
    return Range(least, most, None if step is None else _number(step))


def _choice(data: Mapping[str, JSON]) -> Marker:
    options = data["options"]
    if not isinstance(options, list):
        raise ValueError("The options of a choice are a list.")
    return Choice([str(option) for option in options])


_KINDS: Mapping[str, Callable[[Mapping[str, JSON]], Marker]] = {
    "range": _range,
    "choice": _choice,
    "file": lambda data: File(str(data["folder"]), bool(data.get("upload", False))),
    "file_name": lambda _: FileName(),
    "seed": lambda _: Seed(),
    "multiline": lambda data: Multiline(str(data.get("mentions", ""))),
    "colour": lambda _: Colour(),
    "label": lambda data: Label(str(data["text"])),
}
