"""What a node declares, as data: all that editor, validation and planning read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nodes.api.markers import File, Marker, Multiline, marker_from_json
from nodes.api.upgrades import Change, change_from_json

WIDGET_TYPES = ("Int", "Float", "String", "Boolean")
ANY = "*"


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


@dataclass(frozen=True)
class InputSpec:
    """One input.

    Attributes:
        name: Its name in files.
        type: A wire class's name, a widget type, "*", or a type variable's name.
        default: Its value when nothing is given; REQUIRED if something must be.
        marker: What limits it and draws its widget.
        many: Takes several wires (`list[X]`).
        lazy: Computed only when called.
        whole: Receives the whole of a sequence (`All[X]`).
        generic: Whether the type is a type variable.
        one_of: What the type variable may stand for; empty for anything.
        label: Words in place of the name.
        help: The tooltip.
    """

    name: str
    type: str
    default: Any = REQUIRED
    marker: Marker | None = None
    many: bool = False
    lazy: bool = False
    whole: bool = False
    generic: bool = False
    one_of: tuple[str, ...] = ()
    label: str = ""
    help: str = ""

    @property
    def required(self) -> bool:
        """Whether something must be given."""
        return self.default is REQUIRED

    @property
    def socket(self) -> bool:
        """Whether it can only be wired."""
        return self.many or self.whole or self.type not in WIDGET_TYPES

    @property
    def folder(self) -> str | None:
        """The kind of files it names, if it does."""
        return self.marker.kind if isinstance(self.marker, File) else None

    @property
    def mentions(self) -> str:
        """The kind of files that its text may name; empty if it names none."""
        return self.marker.mentions if isinstance(self.marker, Multiline) else ""

    def to_json(self) -> dict[str, Any]:
        """Give what clients need."""
        data: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "list": self.many,
            "lazy": self.lazy,
            "all": self.whole,
            "socket": self.socket,
            "help": self.help,
        }
        if not self.required:
            data["default"] = self.default
        if self.marker is not None:
            data["widget"] = self.marker.describe()
        if self.generic:
            data["generic"] = True
        if self.one_of:
            data["one_of"] = list(self.one_of)
        if self.label:
            data["label"] = self.label
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "InputSpec":
        """Read it back."""
        widget = data.get("widget")
        return cls(
            name=data["name"],
            type=data["type"],
            default=data.get("default", REQUIRED),
            marker=None if widget is None else marker_from_json(widget),
            many=data["list"],
            lazy=data["lazy"],
            whole=data["all"],
            generic=data.get("generic", False),
            one_of=tuple(data.get("one_of", ())),
            label=data.get("label", ""),
            help=data["help"],
        )


@dataclass(frozen=True)
class OutputSpec:
    """One output.

    Attributes:
        name: Its name in links.
        type: As for inputs.
        each: Yields a sequence.
        optional: May be empty (None).
        generic: Whether the type is a type variable.
        shape: Rules for its dimensions.
        label: Words in place of the name.
        help: The tooltip.
    """

    name: str
    type: str
    each: bool = False
    optional: bool = False
    generic: bool = False
    shape: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    help: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give what clients need."""
        data: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "each": self.each,
            "help": self.help,
        }
        if self.optional:
            data["optional"] = True
        if self.generic:
            data["generic"] = True
        if self.shape:
            data["shape"] = dict(self.shape)
        if self.label:
            data["label"] = self.label
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "OutputSpec":
        """Read it back."""
        return cls(
            name=data["name"],
            type=data["type"],
            each=data["each"],
            optional=data.get("optional", False),
            generic=data.get("generic", False),
            shape=data.get("shape", {}),
            label=data.get("label", ""),
            help=data["help"],
        )


@dataclass(frozen=True)
class NodeSpec:
    """A node as the catalogue knows it.

    Attributes:
        id: The type's name in files.
        title: What the canvas shows.
        category: The subject it belongs to, behind its group where it has one: `sampling/sigmas`.
        summary: The first line of help; `help` has the rest, `references` the works.
        inputs: In the order of the signature.
        outputs: In order; names are unique.
        aliases: Other words to find it by.
        pure: Whether the same inputs give the same outputs.
        sink: Whether runs are for it.
        expands: Whether it may return a subgraph.
        io: Whether it waits rather than computes, so that others may run beside it.
        source: The module that declares it.
        code: For a node of the user's own, a hash of its source.
        upgrades: What changed from version to version.
        function: The function itself; never in JSON.
        thriftier: Variants that need less memory; never in JSON.
        takes_context: Whether it has a `ctx`; never in JSON.
    """

    id: str
    title: str
    category: str
    summary: str = ""
    help: str = ""
    references: tuple[str, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    aliases: tuple[str, ...] = ()
    pure: bool = True
    sink: bool = False
    expands: bool = False
    io: bool = False
    source: str = ""
    code: str = ""
    upgrades: tuple[Change, ...] = ()
    function: Callable[..., Any] | None = None
    thriftier: tuple[Callable[..., Any], ...] = ()
    takes_context: bool = False

    @property
    def version(self) -> int:
        """One more than the number of changes."""
        return 1 + len(self.upgrades)

    def input(self, name: str) -> InputSpec | None:
        """Find an input by name."""
        return next((item for item in self.inputs if item.name == name), None)

    def output(self, name: str) -> OutputSpec | None:
        """Find an output by name."""
        return next((item for item in self.outputs if item.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Give what clients need."""
        data: dict[str, Any] = {
            "id": self.id,
            "version": self.version,
            "title": self.title,
            "category": self.category,
            "summary": self.summary,
            "help": self.help,
            "references": list(self.references),
            "aliases": list(self.aliases),
            "pure": self.pure,
            "sink": self.sink,
            "expands": self.expands,
            "io": self.io,
            "source": self.source,
            "inputs": [item.to_json() for item in self.inputs],
            "outputs": [item.to_json() for item in self.outputs],
        }
        if self.code:
            data["code"] = self.code
        if self.upgrades:
            data["upgrades"] = [change.to_json() for change in self.upgrades]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "NodeSpec":
        """Read it back, without functions."""
        return cls(
            id=data["id"],
            title=data["title"],
            category=data["category"],
            summary=data["summary"],
            help=data["help"],
            references=tuple(data["references"]),
            inputs=tuple(InputSpec.from_json(item) for item in data["inputs"]),
            outputs=tuple(OutputSpec.from_json(item) for item in data["outputs"]),
            aliases=tuple(data["aliases"]),
            pure=data["pure"],
            sink=data["sink"],
            expands=data["expands"],
            io=data["io"],
            source=data["source"],
            code=data.get("code", ""),
            upgrades=tuple(change_from_json(item) for item in data.get("upgrades", ())),
        )
