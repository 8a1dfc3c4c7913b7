"""Toy nodes of a few lines, and a host that keeps what they save in memory."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Annotated, Any, NamedTuple, TypeVar

from nodes.api import (
    JSON,
    QUIET,
    All,
    AnyType,
    Catalogue,
    Choice,
    Context,
    Each,
    File,
    FileName,
    Files,
    Lazy,
    Range,
    Seed,
    Shape,
    Subgraph,
    SubgraphBuilder,
    catalogue_of,
    node,
    wire,
)
from nodes.errors import FileProblem, NodeError, OutOfMemory
from server.engine.events import Event
from server.engine.execute import Outcome, execute
from server.engine.graph import Graph
from server.engine.plan import Plan, make_plan
from server.engine.results import Known, Results

T = TypeVar("T")
RAN: list[str] = []


class TextFile:
    """Keeps a `Box` as text."""

    def nbytes(self, value: "Box") -> int:
        return value.size

    def dump(self, value: "Box", path: Path) -> None:
        path.write_text(f"{value.content}|{value.size}")

    def load(self, path: Path) -> "Box":
        content, size = path.read_text().split("|")
        return Box(content, int(size))


@wire("BOX", codec=TextFile())
@dataclass(frozen=True)
class Box:
    """A thing that can be kept."""

    content: str
    size: int = 100


@wire("TOOL")
@dataclass(frozen=True)
class Tool:
    """A thing that cannot be kept."""

    name: str


class Pair(NamedTuple):
    box: Annotated[Box, Shape(width=("*", "width", 2))]
    tool: Tool | None


@node("Add")
def add(a: int = 0, b: int = 0) -> int:
    """Add two numbers.

    Args:
        a: One.
        b: The other.
    """
    RAN.append(f"add {a} {b}")
    return a + b


@node("Half")
def half(x: Annotated[float, Range(0, 100)] = 1.0) -> float:
    """Halve a number.

    Args:
        x: The number.
    """
    return x / 2


@node("MakeBox", title="Make a box")
def make_box(
    content: str = "nothing",
    kind: Annotated[str, Choice(["round", "square"])] = "round",
    seed: Annotated[int, Seed()] = 0,
) -> Box:
    """Make a box.

    Args:
        content: What is in it.
        kind: Its form.
        seed: Tells boxes apart.
    """
    RAN.append(f"box {content}")
    return Box(f"{kind} {content} {seed}")


@node("SlowBox")
def slow_box(content: str) -> Box:
    """Make a box that took long enough to be kept on disk.

    Args:
        content: What is in it.
    """
    RAN.append(f"slow {content}")
    time.sleep(0.02)
    return Box(content)


@node("ToolOf")
def tool_of(box: Box) -> Tool:
    """Make a tool from a box.

    Args:
        box: The box.
    """
    return Tool(box.content)


@node("Unpack")
def unpack(box: Box, width: Annotated[int, Range(1, 64)] = 8) -> Pair:
    """Take a box apart.

    Args:
        box: The box.
        width: How wide.
    """
    return Pair(box, Tool(box.content) if width > 1 else None)


@node("Load")
def load_box(name: Annotated[str, File("boxes")]) -> Box:
    """Read a box.

    Args:
        name: The file.
    """
    RAN.append(f"load {name}")
    return Box(name)


@node("Dice", pure=False)
def dice() -> int:
    """Give another number each time."""
    RAN.append("dice")
    return len(RAN)


@node("Wait", io=True)
def wait(seconds: float = 0.01, *, ctx: Context = QUIET) -> int:
    """Wait.

    Args:
        seconds: How long.
    """
    for _ in ctx.track(range(round(seconds / 0.01))):
        time.sleep(0.01)
    return 1


@node("Switch")
def switch(flag: bool, no: Lazy[T] | None = None, yes: Lazy[T] | None = None) -> T:
    """Pass one of two on.

    Args:
        flag: Whether it is the second.
        no: The first.
        yes: The second.
    """
    chosen = yes if flag else no
    if chosen is None:
        raise NodeError("Nothing is wired.", "Wire it.")
    return chosen()


@node("Same")
def same(a: T, b: T) -> T:
    """Give the first of two things of one type.

    Args:
        a: The first.
        b: The second.
    """
    return a


@node("Count")
def count(n: int) -> Each[int]:
    """Count.

    Args:
        n: How far.
    """
    return range(n)


@node("Sum")
def total(numbers: All[int]) -> int:
    """Add all numbers up.

    Args:
        numbers: The numbers.
    """
    return sum(numbers)


@node("Gather")
def gather(boxes: list[Box]) -> str:
    """Put what is in the boxes together.

    Args:
        boxes: The boxes.
    """
    return "+".join(box.content for box in boxes)


@node("Grow")
def grow(value: T, times: int = 3) -> T | Subgraph:
    """Send a value through `Add` again and again, one expansion in another.

    Args:
        value: What to start with.
        times: How often.
    """
    if times == 0:
        return value
    build = SubgraphBuilder()
    more = build.node("Add", a=value, b=1)
    rest = build.node("Grow", value=more.out("int"), times=times - 1)
    return build.subgraph(value=rest.out("value"))


@node("ShowTwice")
def show_twice(value: AnyType) -> Subgraph | None:
    """Save a value twice, by nodes of its own.

    Args:
        value: The value.
    """
    build = SubgraphBuilder()
    build.node("Save", value=value, prefix="one")
    build.node("Save", value=value, prefix="two")
    return build.subgraph()


@node("Save")
def save(
    value: AnyType, prefix: Annotated[str, FileName()] = "box", *, ctx: Context = QUIET
) -> None:
    """Save a value.

    Args:
        value: The value.
        prefix: Start of the name.
    """
    ctx.save(lambda path, texts: None, prefix=f"{prefix}:{value}", suffix=".txt", mime="text/plain")


@node("Fail")
def fail(how: str = "plain", number: int = 0) -> int:
    """Fail.

    Args:
        how: In which way.
        number: Anything.
    """
    if how == "node":
        raise NodeError("The box is locked.", "Find the key.", code="box.locked")
    raise FileNotFoundError("No such file: '/home/somebody/secret/box.txt'")


def _sparing(size: int = 1, *, ctx: Context = QUIET) -> int:
    return -size


@node("Hungry", thriftier=[_sparing])
def hungry(size: int = 1, *, ctx: Context = QUIET) -> int:
    """Take much memory.

    Args:
        size: How much.
    """
    if size > 10:
        raise OutOfMemory("Too big.")
    return size


@node("Steps")
def steps(n: int = 10, *, ctx: Context = QUIET) -> int:
    """Take steps, saying so.

    Args:
        n: How many.
    """
    for index in ctx.track(range(n)):
        RAN.append(f"step {index}")
        ctx.preview(lambda: b"jpeg")
    ctx.warn("It was long.", "Take fewer.")
    return n


CATALOGUE = catalogue_of(
    *(add, half, make_box, slow_box, tool_of, unpack, load_box, dice, wait, switch, same, count),
    *(total, gather, grow, show_twice, save, fail, hungry, steps),
)


@dataclass
class ToyHost:
    """Keeps descriptions of what is saved."""

    device: str = "cpu"
    dtype: str = "float32"
    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    freed: int = 0
    work: Path | None = None
    risen: int | None = None
    expected: list[list[Any]] = field(default_factory=list)

    @property
    def files(self) -> Files:
        return QUIET.files

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        return nullcontext(model)

    def save(
        self,
        node: str,
        index: int,
        key: str,
        write: Callable[[Path, Mapping[str, str]], None],
        *,
        prefix: str,
        suffix: str,
        mime: str,
        temporary: bool,
        about: Mapping[str, JSON],
    ) -> dict[str, Any]:
        artifact = {"node": node, "index": index, "name": prefix + suffix}
        self.kept.setdefault(key, []).append(artifact)
        return artifact

    def saved(self, key: str) -> list[dict[str, Any]] | None:
        return self.kept.get(key)

    def watch_memory(self) -> Callable[[], int | None]:
        return lambda: self.risen

    def workspace(self, key: str) -> Path:
        if self.work is None:
            self.work = Path(mkdtemp())
        return self.work / key

    def clear_workspaces(self, key: str) -> None:
        rmtree(self.workspace(key))

    def out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError)

    def free_memory(self) -> None:
        self.freed += 1

    def expect(self, values: Sequence[Any]) -> None:
        self.expected.append(list(values))


STAMPS = {"a.box": "1", "b.box": "1"}


def stamp(kind: str, name: str) -> str:
    if name not in STAMPS:
        raise FileProblem(f"There is no file {name!r} in {kind}.", "Choose another.")
    return STAMPS[name]


def graph(nodes: Mapping[str, Any], **sections: Any) -> Graph:
    """A graph of nodes written as {id: (type, {input: value or "@node.output"})}."""
    written = {id_: as_node(*item) for id_, item in nodes.items()}
    return Graph.from_json({"format": 1, "nodes": written, **sections})


def as_node(type_: str, inputs: Mapping[str, Any] = {}, mode: str | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {"type": type_, "inputs": {k: as_input(v) for k, v in inputs.items()}}
    return {**data, "mode": mode} if mode else data


def as_input(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return {"link": value[1:].split(".")}
    if isinstance(value, str) and value.startswith("$"):
        return {"input": value[1:]}
    if isinstance(value, list) and all(isinstance(v, str) and v.startswith("@") for v in value):
        return {"links": [v[1:].split(".") for v in value]}
    return value


@dataclass
class Bench:
    """Runs graphs one after another with the same results and host."""

    results: Results = field(default_factory=lambda: Results(2**20))
    host: ToyHost = field(default_factory=ToyHost)
    catalogue: Catalogue = CATALOGUE
    events: list[Event] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def plan(self, wanted: Graph, salt: str = "", targets: list[str] | None = None) -> Plan:
        return make_plan(
            wanted,
            self.catalogue,
            salt=salt,
            stamp=stamp,
            known=Known(self.results, self.host.saved),
            targets=targets,
        )

    def run(
        self,
        wanted: Graph,
        salt: str = "",
        targets: list[str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        self.events = []
        RAN.clear()
        plan = self.plan(wanted, salt, targets)
        outcome = execute(
            plan, self.catalogue, self.results, self.events.append, self.host, cancelled
        )
        self.ran = list(RAN)
        return outcome

    def saved(self) -> list[str]:
        """Names of the artifacts that the last run published."""
        told = (event for event in self.events if event.type == "node.artifact")
        return [event.data["artifact"]["name"] for event in told]

    def types(self, node: str) -> list[str]:
        """Types of the events of a node in the last run."""
        return [event.type for event in self.events if event.node == node]
