"""How a node changed from one version to the next: data, so that the server can apply it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Inputs: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Rename:
    """An input has another name."""

    old: str
    new: str

    def inputs(self, given: Mapping[str, Any]) -> Inputs:
        """Move the input."""
        return {self.new if name == self.old else name: item for name, item in given.items()}

    def output(self, name: str) -> str:
        """Leave outputs as they are."""
        return name

    def to_json(self) -> dict[str, Any]:
        """Describe it."""
        return {"kind": "rename", "old": self.old, "new": self.new}


@dataclass(frozen=True)
class RenameOutput:
    """An output has another name."""

    old: str
    new: str

    def inputs(self, given: Mapping[str, Any]) -> Inputs:
        """Leave inputs as they are."""
        return dict(given)

    def output(self, name: str) -> str:
        """Give the output's new name."""
        return self.new if name == self.old else name

    def to_json(self) -> dict[str, Any]:
        """Describe it."""
        return {"kind": "rename_output", "old": self.old, "new": self.new}


@dataclass(frozen=True)
class Drop:
    """An input is gone."""

    name: str

    def inputs(self, given: Mapping[str, Any]) -> Inputs:
        """Take the input away."""
        return {name: item for name, item in given.items() if name != self.name}

    def output(self, name: str) -> str:
        """Leave outputs as they are."""
        return name

    def to_json(self) -> dict[str, Any]:
        """Describe it."""
        return {"kind": "drop", "name": self.name}


@dataclass(frozen=True)
class Fill:
    """An input came, or its default changed; older files mean this value."""

    name: str
    value: bool | int | float | str

    def inputs(self, given: Mapping[str, Any]) -> Inputs:
        """Say the value where the file says nothing."""
        return {**given} if self.name in given else {**given, self.name: self.value}

    def output(self, name: str) -> str:
        """Leave outputs as they are."""
        return name

    def to_json(self) -> dict[str, Any]:
        """Describe it."""
        return {"kind": "fill", "name": self.name, "value": self.value}


@dataclass(frozen=True)
class Replace:
    """A value of an input is said otherwise, such as an option with another name."""

    name: str
    old: bool | int | float | str
    new: bool | int | float | str

    def inputs(self, given: Mapping[str, Any]) -> Inputs:
        """Exchange the value."""
        found = given.get(self.name)
        same = type(found) is type(self.old) and found == self.old
        return {**given, self.name: self.new} if same else {**given}

    def output(self, name: str) -> str:
        """Leave outputs as they are."""
        return name

    def to_json(self) -> dict[str, Any]:
        """Describe it."""
        return {"kind": "replace", "name": self.name, "old": self.old, "new": self.new}


Change: TypeAlias = Rename | RenameOutput | Drop | Fill | Replace
_KINDS: Mapping[str, type[Rename | RenameOutput | Drop | Fill | Replace]] = {
    "rename": Rename,
    "rename_output": RenameOutput,
    "drop": Drop,
    "fill": Fill,
    "replace": Replace,
}


def change_from_json(data: Mapping[str, Any]) -> Change:
    """Read a change back.

    Raises:
        KeyError: If the kind is not known.
    """
    kind = _KINDS[data["kind"]]
    return kind(**{name: value for name, value in data.items() if name != "kind"})
