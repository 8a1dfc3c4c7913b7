"""Google docstrings, as far as nodes need them."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECTION = re.compile(r"^(Args|Returns|References|Raises|Note|Notes|Example|Examples):\s*$")
_ENTRY = re.compile(r"^(\*{0,2}\w+)(?:\s*\([^)]*\))?:\s*(.*)$")


@dataclass(frozen=True)
class Doc:
    """A docstring taken apart.

    Attributes:
        summary: The first paragraph.
        help: The paragraphs up to the first section.
        args: What is said of each argument.
        returns: What is said of each named output.
        returned: The whole text under Returns.
        references: One entry a work.
    """

    summary: str = ""
    help: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    returns: Mapping[str, str] = field(default_factory=dict)
    returned: str = ""
    references: tuple[str, ...] = ()


def parse_docstring(text: str | None) -> Doc:
    """Take a docstring apart."""
    if not text:
        return Doc()
    sections: dict[str, list[str]] = {"": []}
    current = sections[""]
    for line in inspect.cleandoc(text).splitlines():
        match = _SECTION.match(line)
        if match:
            current = sections.setdefault(match.group(1), [])
        else:
            current.append(line)
    summary, _, rest = "\n".join(sections[""]).strip().partition("\n\n")
    returned = sections.get("Returns", [])
    return Doc(
        summary=_joined(summary.splitlines()),
        help=rest.strip(),
        args=_entries(sections.get("Args", [])),
        returns=_entries(returned),
        returned=_joined(returned),
        references=_paragraphs(sections.get("References", [])),
    )


def _entries(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for line in _dedented(lines):
        match = _ENTRY.match(line)
        if match:
            found[match.group(1)] = [match.group(2)]
        elif found:
            found[next(reversed(found))].append(line)
    return {name: _joined(parts) for name, parts in found.items()}


def _paragraphs(lines: list[str]) -> tuple[str, ...]:
    works: list[list[str]] = []
    for line in _dedented(lines):
        if not line.strip():
            continue
        if line.startswith(" ") and works:
            works[-1].append(line)
        else:
            works.append([line])
    return tuple(_joined(work) for work in works)


def _dedented(lines: list[str]) -> list[str]:
    return inspect.cleandoc("\n".join(["", *lines])).splitlines()


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
