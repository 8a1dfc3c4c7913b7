"""A job in ComfyUI's terms: its prompt, its outputs, and what its client calls each node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nodes.api import JSON, Catalogue
from server.engine.effective import effective
from server.engine.graph import Graph
from server.engine.problems import Invalid
from server.engine.upgrade import upgrade
from server.formats.comfy_prompt import is_link, to_prompt
from server.formats.interfaces import interfaces_of
from server.queue.rows import Job

_SENDER = "SaveImageWebsocket"


@dataclass(frozen=True)
class Theirs:
    """What ComfyUI keeps of a prompt.

    Attributes:
        prompt: In the API format.
        extra_data: What came along with it.
        outputs: The outputs that are run.
        ids: Our node ids to the client's.
        number: Its place in the queue: smaller first.
    """

    prompt: Mapping[str, Mapping[str, JSON]]
    extra_data: Mapping[str, JSON]
    outputs: Sequence[str]
    ids: Mapping[str, str]
    number: float

    def name(self, ours: str | None) -> str:
        """Return the client's id of a node."""
        return self.ids.get(ours or "", ours or "")

    def kind(self, node: str) -> str:
        """Return the class of a node, by the client's id."""
        return str(self.prompt.get(node, {}).get("class_type", ""))

    def sends(self, node: str) -> bool:
        """Say whether a node sends its pictures to the client itself, and lists none of them."""
        return self.kind(node) == _SENDER


def theirs_of(job: Job, catalogue: Catalogue) -> Theirs:
    """Return a detailed job in ComfyUI's terms, also when it came from the editor."""
    extra = job.extra if isinstance(job.extra, dict) else {}
    if job.source == "comfy":
        given = extra.get("number")
        number = given if given is not None else -job.number if extra["front"] else job.number
        return Theirs(extra["prompt"], extra["extra_data"], extra["outputs"], extra["ids"], number)
    try:
        graph = effective(upgrade(Graph.from_json(job.workflow), catalogue), catalogue)
    except Invalid:
        # Its nodes have changed since it ran; that it ran is still worth telling.
        return Theirs({}, {}, [], {}, job.number)
    types = interfaces_of(catalogue)
    prompt = to_prompt(graph.to_json()["nodes"], types)
    sinks = [name for name, node in graph.nodes.items() if _is_sink(node.type, catalogue)]
    return Theirs(prompt, {"client_id": job.client}, sinks, {}, job.number)


def cached_in(theirs: Theirs, plan: Mapping[str, JSON] | None) -> list[JSON]:
    """Return the nodes that need not be computed again, with all before them."""
    order = (plan or {}).get("order", [])
    assert isinstance(order, list)
    computed = {theirs.name(str(name)) for name in order}
    needed: dict[str, None] = {}
    waiting = [name for name in theirs.outputs if name in theirs.prompt]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed[name] = None
        inputs = theirs.prompt[name].get("inputs")
        given = inputs if isinstance(inputs, dict) else {}
        sources = (value[0] for value in given.values() if is_link(value))
        waiting.extend(source for source in sources if source in theirs.prompt)
    return [name for name in theirs.prompt if name in needed and name not in computed]


def _is_sink(kind: str, catalogue: Catalogue) -> bool:
    spec = catalogue.specs.get(kind)
    return spec is not None and spec.sink
