"""The messages of ComfyUI's WebSocket, made of what the feed tells of a job.

The order and the fields are what its clients rely on; nothing here touches a socket.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nodes.api import JSON
from server.artifacts import Artifact
from server.comfy.theirs import Theirs, cached_in
from server.feed import FeedEvent

Message = tuple[str, dict[str, JSON]]
ReadText = Callable[[Artifact], str | None]
"""Gives what stands in a file of text, as far as it is short and still there."""

PREVIEW_IMAGE = 1
PREVIEW_IMAGE_WITH_METADATA = 4
_IMAGE_FORMATS = {"image/jpeg": 1, "image/png": 2}
_NO_PREVIEWS = ("none", "default")
_MOST_FINISHED = 64
"""Finished nodes that `progress_state` still shows: with all, it costs the square of a graph."""
_MOST_CHARACTERS = 300
"""Of a value that an error tells."""
_LISTS = {
    "image": "images",
    "animation": "images",
    "video": "videos",
    "audio": "audio",
    "latent": "latents",
}
"""Where a node's results stand, by their kind; clients look for `images`."""


class Run:
    """One prompt while it runs, as its client follows it.

    Attributes:
        node: The node that runs.
    """

    def __init__(self, job: str, theirs: Theirs, read: ReadText) -> None:
        """Begin before its first event."""
        self._job = job
        self._theirs = theirs
        self._read = read
        self._cached: list[JSON] | None = None
        self._states: dict[str, dict[str, JSON]] = {}
        self._ui: dict[str, list[Artifact]] = {}
        self._executed: list[str] = []
        self._early: dict[str, FeedEvent] = {}
        self.node: str | None = None

    def hear(self, event: FeedEvent) -> list[Message]:
        """Return the messages that an event amounts to."""
        node = self.name(event)
        inner = event.data.get("inner")
        match event.type:
            case "job.started":
                return [("execution_start", self._stamped(event))]
            case "plan" if self._cached is None:
                self._cached = cached_in(self._theirs, event.data)
                return [("execution_cached", {"nodes": self._cached, **self._stamped(event)})]
            case "node.started":
                return self._started(node, inner)
            case "node.progress":
                return self._progressed(node, inner, event)
            case "node.artifact" if not self._theirs.sends(node):
                artifact = Artifact.from_json(event.data["artifact"])
                self._ui.setdefault(node, []).append(artifact)
            case "node.finished" | "node.cached":
                return self._finished(node, inner)
            case "job.finished":
                return self._ended(event)
        return []

    def name(self, event: FeedEvent) -> str:
        """Return the client's id of the node that an event is of."""
        return self._theirs.name(event.node)

    def wants_previews(self, knows_previews: bool) -> bool:
        """Say whether a client is sent previews: if its prompt asks for them, or it knows of them.

        As of a server of ComfyUI's that was started without options, a script that is told of
        neither gets none: many take every binary message for a result.
        """
        method = self._theirs.extra_data.get("preview_method")
        return knows_previews if method is None else method not in _NO_PREVIEWS

    def sent(self, event: FeedEvent) -> Artifact | None:
        """Return the picture that an event tells of, where its node sends it to the client."""
        if event.type != "node.artifact" or not self._theirs.sends(self.name(event)):
            return None
        return Artifact.from_json(event.data["artifact"])

    def picture(self, event: FeedEvent, mime: str, picture: bytes, with_metadata: bool) -> bytes:
        """Return a picture as a binary frame, with what it shows where the client knows of that."""
        if not with_metadata:
            return struct.pack(">II", PREVIEW_IMAGE, _IMAGE_FORMATS.get(mime, 1)) + picture
        node = self._named(self.name(event), event.data.get("inner"))
        told = json.dumps({**self._identity(node), "image_type": mime}).encode()
        return struct.pack(">II", PREVIEW_IMAGE_WITH_METADATA, len(told)) + told + picture

    def executing(self, node: str | None) -> Message:
        """Return what says which node runs."""
        if node is None:
            return "executing", {"node": None, "prompt_id": self._job}
        told: dict[str, JSON] = {"node": node, "display_node": node.partition(".")[0]}
        return "executing", {**told, "prompt_id": self._job}

    def _started(self, node: str, inner: str | None) -> list[Message]:
        name = self._named(node, inner)
        self.node = name
        self._states[name] = {"value": 0.0, "max": 1.0, "state": "running"}
        told = [self._state(), self.executing(name)]
        early = self._early.pop(name, None)
        return told if early is None else [*told, *self._progressed(node, inner, early)]

    def _progressed(self, node: str, inner: str | None, event: FeedEvent) -> list[Message]:
        name = self._named(node, inner)
        if name not in self._states:
            # Progress overtakes what has to reach the disk first.
            self._early[name] = event
            return []
        value, most = event.data["value"], event.data["max"]
        self._states[name].update(value=value, max=most)
        told = {"value": value, "max": most, "prompt_id": self._job, "node": name}
        return [self._state(), ("progress", told)]

    def _finished(self, node: str, inner: str | None) -> list[Message]:
        name = self._named(node, inner)
        state = self._states.get(name, {"value": 1, "max": 1})
        self._states[name] = {**state, "value": state["max"], "state": "finished"}
        if self.node == name:
            self.node = None
        if inner:
            return [self._state()]
        self._executed.append(node)
        artifacts = self._ui.get(node)
        if artifacts is None:
            return [self._state()]
        output = ui_of(artifacts, self._read)
        told: dict[str, JSON] = {"node": node, "display_node": node, "output": output}
        return [("executed", {**told, "prompt_id": self._job}), self._state()]

    def _ended(self, event: FeedEvent) -> list[Message]:
        if self._cached is None and event.data["state"] == "cancelled":
            # It was taken out of the queue, of which ComfyUI says nothing.
            return []
        state, problem = event.data["state"], event.data["problem"]
        ended = ended_message(
            self._theirs, self._job, state, problem, event.time, self._executed, self.node
        )
        return [ended]

    def _state(self) -> Message:
        """Return the nodes that run or have lately finished."""
        finished = [name for name, state in self._states.items() if state["state"] == "finished"]
        for name in finished[:-_MOST_FINISHED]:
            del self._states[name]
        nodes: dict[str, JSON] = {
            name: {**state, **self._identity(name)} for name, state in self._states.items()
        }
        return "progress_state", {"prompt_id": self._job, "nodes": nodes}

    def _identity(self, node: str) -> dict[str, JSON]:
        root, inside, _ = node.partition(".")
        return {
            "node_id": node,
            "prompt_id": self._job,
            "display_node_id": root,
            "parent_node_id": root if inside else None,
            "real_node_id": node,
        }

    def _named(self, node: str, inner: str | None) -> str:
        return f"{node}.{inner}" if inner else node

    def _stamped(self, event: FeedEvent) -> dict[str, JSON]:
        return {"prompt_id": self._job, "timestamp": at(event.time)}


def ended_message(
    theirs: Theirs,
    job: str,
    state: str,
    problem: Mapping[str, Any] | None,
    finished: float | None,
    executed: Sequence[str],
    running: str | None = None,
) -> Message:
    """Return the message that tells how a prompt ended.

    Args:
        theirs: The job in ComfyUI's terms.
        job: Its id.
        state: Ours, such as `succeeded`.
        problem: Why it did not succeed.
        finished: When it ended, in unix seconds.
        executed: The nodes that were computed.
        running: The node that ran when it was cancelled.
    """
    told: dict[str, JSON] = {"prompt_id": job}
    stamp: dict[str, JSON] = {"timestamp": at(finished or 0.0)}
    if state == "succeeded":
        return "execution_success", {**told, **stamp}
    node = running if state == "cancelled" else theirs.name((problem or {}).get("node"))
    told |= {
        "node_id": node or None,
        "node_type": theirs.kind((node or "").partition(".")[0]),
        "executed": list(executed),
    }
    if state == "cancelled":
        return "execution_interrupted", {**told, **stamp}
    assert problem is not None
    told |= {
        "exception_message": f"{problem['message']} {problem['hint']}".strip(),
        "exception_type": problem["code"],
        # What the code did is in the server's log, and no client's business.
        "traceback": [],
        "current_inputs": _constants(theirs, node or ""),
        "current_outputs": list(executed),
    }
    return "execution_error", {**told, **stamp}


def ui_of(artifacts: Sequence[Artifact], read: ReadText) -> dict[str, JSON]:
    """Return what a node made as `outputs` of the history has it: files, and texts themselves."""
    found: dict[str, list[JSON]] = {}
    for artifact in artifacts:
        found.setdefault(list_of(artifact), []).append(file_of(artifact))
        text = read(artifact)
        if text is not None:
            found.setdefault("text", []).append(text)
    return {name: list(listed) for name, listed in found.items()}


def list_of(artifact: Artifact) -> str:
    """Return under which name a node's results list a file."""
    return _LISTS.get(artifact.kind, "files")


def file_of(artifact: Artifact) -> dict[str, JSON]:
    """Return a file as `/view` takes it."""
    return {
        "filename": artifact.name,
        "subfolder": artifact.subfolder,
        "type": artifact.folder,
    }


def at(seconds: float) -> int:
    """Return a time as ComfyUI's messages have it: in milliseconds."""
    return round(seconds * 1000)


def _constants(theirs: Theirs, node: str) -> dict[str, JSON]:
    inputs = theirs.prompt.get(node, {}).get("inputs")
    given = inputs if isinstance(inputs, dict) else {}
    return {
        name: [str(value)[:_MOST_CHARACTERS]]
        for name, value in given.items()
        if not isinstance(value, list | dict)
    }
