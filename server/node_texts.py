"""What nodes are called in other languages: files beside the nodes, laid over the catalogue.

A file `nodes/texts/de.json` has `categories` by the parts of their paths, `ports` by their names,
and `nodes` by their ids, each with `title`, `summary`, and `ports` that are called otherwise there.
`nodes/texts/help/de.json` has what is said of nodes and of their ports, by the English sentence:
many ports are explained alike. What they leave out stays as it is declared.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGLISH = "en"
"""The language that declarations are written in."""

_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*")


@dataclass(frozen=True)
class NodeTexts:
    """The words of one language.

    Attributes:
        language: Its code, such as `de`.
        categories: By the parts of categories' paths.
        ports: By the names of inputs and outputs.
        nodes: By id: `title`, `summary`, and `ports` that are called otherwise here.
        helps: By the English help of nodes, inputs and outputs.
        hash: Of the files.
    """

    language: str
    categories: Mapping[str, str]
    ports: Mapping[str, str]
    nodes: Mapping[str, Mapping[str, Any]]
    helps: Mapping[str, str]
    hash: str

    def over(self, catalogue: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON of a catalogue with these words in it.

        Nodes keep their ids, categories and names; a title that is translated stays among the
        words that the node is found by, and the category's words are its `category_label`. By
        `titles` a client finds the nodes that a sentence in English names.
        """
        nodes = {name: self._node(spec) for name, spec in catalogue["nodes"].items()}
        titles = {spec["title"]: nodes[name]["title"] for name, spec in catalogue["nodes"].items()}
        return {**catalogue, "nodes": nodes, "titles": titles}

    def _node(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        words = self.nodes.get(spec["id"], {})
        title = words.get("title", spec["title"])
        parts = (self.categories.get(part, part) for part in spec["category"].split("/"))
        own = words.get("ports", {})
        return {
            **spec,
            "title": title,
            "summary": words.get("summary", spec["summary"]),
            "help": self._help(spec),
            "category_label": "/".join(parts),
            "aliases": spec["aliases"] + ([spec["title"]] if title != spec["title"] else []),
            "inputs": [self._port(port, own) for port in spec["inputs"]],
            "outputs": [self._port(port, own) for port in spec["outputs"]],
        }

    def _port(self, port: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
        label = own.get(port["name"]) or self.ports.get(port["name"])
        named = {**port, "label": label} if label else {**port}
        return {**named, "help": self._help(port)} if "help" in port else named

    def _help(self, told: Mapping[str, Any]) -> str:
        english: str = told.get("help", "")
        return self.helps.get(english, english)


def read_texts(folder: Path) -> dict[str, NodeTexts]:
    """Read the words of every language that a folder has; blocks.

    Raises:
        ValueError: when a file is not JSON.
        KeyError: when it lacks one of its three parts.
        FileNotFoundError: when a language has no file of help.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        data, helps = path.read_bytes(), (folder / "help" / path.name).read_bytes()
        content = json.loads(data)
        digest = hashlib.blake2b(data + helps, digest_size=8).hexdigest()
        found[path.stem] = NodeTexts(
            path.stem,
            content["categories"],
            content["ports"],
            content["nodes"],
            json.loads(helps),
            digest,
        )
    return found


def preferred(accepted: str, known: Mapping[str, NodeTexts]) -> str:
    """Choose the language that an `Accept-Language` header likes best of those that there are."""
    matches = (_RANGE.fullmatch(part) for part in accepted[:1000].split(","))
    wanted = [(float(match[2] or 1), match[1].lower()) for match in matches if match]
    for weight, language in sorted(wanted, key=lambda pair: -pair[0]):
        if weight > 0 and (language == ENGLISH or language in known):
            return language
    return ENGLISH
