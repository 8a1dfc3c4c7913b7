"""Problems of a graph as ComfyUI's clients read them: by node, each with a type of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nodes.api import JSON, Catalogue, Range
from server.comfy.object_info import short_config
from server.engine.problems import Problem
from server.engine.values import Choices
from server.formats.comfy_prompt import is_link
from server.formats.interfaces import Interfaces

_MOST_CHOICES = 20
"""More are left out of errors, as ComfyUI does."""
_MOST_CHARACTERS = 300
"""Of a text that came in and is told back."""

_TYPES: Mapping[str, str] = {
    "input.missing": "required_input_missing",
    "input.muted": "required_input_missing",
    "input.socket": "bad_linked_input",
    "link.node": "bad_linked_input",
    "link.output": "bad_linked_input",
    "link.type": "return_type_mismatch",
    "value.type": "invalid_input_type",
    "value.number": "invalid_input_type",
    "value.choice": "value_not_in_list",
    "file.missing": "value_not_in_list",
    "node.unknown": "invalid_prompt",
    "graph.cycle": "dependency_cycle",
}
"""What is not among these is `custom_validation_failed`."""


class Errors:
    """What is wrong with the nodes of one prompt.

    Attributes:
        nodes: The nodes with errors, by the client's ids.
        elsewhere: What is wrong with the whole.
        unknown: The first node whose class is not known, among those that are needed.
    """

    def __init__(
        self,
        prompt: Mapping[str, Mapping[str, JSON]],
        catalogue: Catalogue,
        types: Interfaces,
        choices: Choices,
    ) -> None:
        """Begin with nothing."""
        self._prompt = prompt
        self._catalogue = catalogue
        self._types = types
        self._choices = choices
        self._told: set[tuple[str, str | None]] = set()
        self.nodes: dict[str, list[dict[str, JSON]]] = {}
        self.elsewhere: list[str] = []
        self.unknown: str | None = None

    def add(self, problems: Iterable[Problem], ids: Mapping[str, str]) -> None:
        """Add problems; the first of an input is the one that is told.

        Args:
            problems: As validation finds them.
            ids: Our ids to the client's.
        """
        for problem in problems:
            node = ids.get(problem.node or "")
            if node is None:
                self.elsewhere.append(f"{problem.message} {problem.hint}".strip())
                continue
            if problem.code == "node.unknown" and self.unknown is None:
                self.unknown = node
            if problem.code == "graph.cycle":
                self._add_circle(problem, ids)
            else:
                self._add(node, problem.input, self._type(problem, node), problem)

    def bad_link(self, node: str, key: str) -> None:
        """Add that an input holds a list that is no wire."""
        message = f"`{key[:100]}` holds a list that is no wire."
        hint = "A wire is [node id, number of the output]; a list itself goes into __value__."
        self._add(node, key, "bad_linked_input", Problem("link.form", message, hint))

    def sentences(self) -> list[str]:
        """Return what is wrong, in words."""
        told = [str(error["message"]) for listed in self.nodes.values() for error in listed]
        return list(dict.fromkeys([*self.elsewhere, *told]))

    def to_json(self, outputs: Mapping[str, list[str]]) -> dict[str, JSON]:
        """Return `node_errors`.

        Args:
            outputs: The outputs that need each node with an error.
        """
        return {
            node: {
                "errors": list(listed),
                "dependent_outputs": list(outputs[node]),
                "class_type": self._prompt[node]["class_type"],
            }
            for node, listed in self.nodes.items()
        }

    def _add(self, node: str, key: str | None, kind: str, problem: Problem) -> None:
        if (node, key) in self._told:
            return
        self._told.add((node, key))
        extra: dict[str, JSON] = {"hint": problem.hint}
        if key is not None:
            extra |= self._about(node, key, kind, problem)
        entry: dict[str, JSON] = {
            "type": kind,
            "message": f"{problem.message} {problem.hint}".strip(),
            "details": key or "",
            "extra_info": extra,
        }
        self.nodes.setdefault(node, []).append(entry)

    def _add_circle(self, problem: Problem, ids: Mapping[str, str]) -> None:
        circle = [ids[name] for name in problem.related]
        shown = " → ".join([*circle, circle[0]][:12])
        told = Problem(problem.code, f"The wires run in a circle: {shown}.", problem.hint)
        for node in circle:
            self._add(node, None, "dependency_cycle", told)

    def _about(self, node: str, key: str, kind: str, problem: Problem) -> dict[str, JSON]:
        about: dict[str, JSON] = {"input_name": key}
        spec = self._catalogue.specs.get(str(self._prompt[node]["class_type"]))
        item = None if spec is None else spec.input(key)
        if item is not None and kind != "required_input_missing":
            about["input_config"] = short_config(item, self._types, self._choices, _MOST_CHOICES)
        value = self._value(node, key)
        if value is not None:
            about["received_value"] = _shortened(value)
        if kind == "return_type_mismatch" and is_link(value):
            about["linked_node"] = value
            about["received_type"] = self._received(value)
        return about

    def _type(self, problem: Problem, node: str) -> str:
        if problem.code == "value.range" and problem.input is not None:
            return self._side(node, problem.input)
        if problem.code == "file.missing" and problem.input is not None:
            spec = self._catalogue.specs[str(self._prompt[node]["class_type"])]
            item = spec.input(problem.input)
            if item is not None and item.folder == "input":
                return "custom_validation_failed"
        return _TYPES.get(problem.code, "custom_validation_failed")

    def _side(self, node: str, key: str) -> str:
        """Tell whether a number is below or above its range."""
        spec = self._catalogue.specs[str(self._prompt[node]["class_type"])]
        item = spec.input(key)
        value = self._value(node, key)
        assert item is not None
        assert isinstance(item.marker, Range)
        assert isinstance(value, int | float | str)
        below = float(value) < item.marker.min
        return "value_smaller_than_min" if below else "value_bigger_than_max"

    def _value(self, node: str, key: str) -> JSON:
        inputs = self._prompt[node].get("inputs")
        return inputs.get(key) if isinstance(inputs, dict) else None

    def _received(self, link: JSON) -> str:
        assert isinstance(link, list)
        source, slot = self._prompt[str(link[0])], link[1]
        spec = self._catalogue.specs[str(source["class_type"])]
        assert isinstance(slot, int | float)
        output = spec.outputs[int(slot)]
        return "*" if output.generic else self._types.comfy_name(output.type)


def _shortened(value: JSON) -> JSON:
    if isinstance(value, str) and len(value) > _MOST_CHARACTERS:
        return f"{value[:_MOST_CHARACTERS]}…"
    if isinstance(value, list | dict) and len(value) > _MOST_CHOICES:
        return None
    return value
