"""Files that texts name: in a prompt `embedding:name` stands for a file of the embeddings."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nodes.errors import FileProblem

# What stands before the name of a file, by the kinds that texts may name.
WORDS: Mapping[str, str] = MappingProxyType({"embeddings": "embedding"})


def mentioned(kind: str, *texts: str) -> tuple[str, ...]:
    """List what texts say to name files of a kind, such as `embedding:name`, each once."""
    found = re.compile(WORDS[kind] + r":[^\s,:()]+")
    return tuple(dict.fromkeys(mention for text in texts for mention in found.findall(text)))


def file_meant(kind: str, mention: str, known: Iterable[str]) -> str:
    """Find the file that a text means: with its ending and its folder, or without.

    Args:
        kind: The kind of files.
        mention: One of those that `mentioned` lists.
        known: The names of the files.

    Raises:
        FileProblem: If there is none.
    """
    bare = mention.partition(":")[2].rstrip(".;!?").replace("\\", "/")
    for name in known:
        stem = name.rpartition(".")[0]
        if bare in (name, stem, stem.rpartition("/")[2]):
            return name
    raise FileProblem(
        f"There is no {WORDS[kind]} {bare!r}.",
        f"Put its file (.safetensors, .pt or .bin) into the {kind} folder.",
        f"{WORDS[kind]}.missing",
    )
