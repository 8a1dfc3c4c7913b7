"""What the documents say is what there is: code, links, flags, commands and routes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from server.comfy.routes import ROUTES as COMFY_ROUTES
from server.http.routes import ALL_ROUTES
from server.settings import argument_parser, variable

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "server/README.md",
    "training/README.md",
)
REFERENCE = "server/README.md"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def quoted_code(document: str) -> list[tuple[str, str]]:
    """Pairs of file name and code that a document quotes from it."""
    found = re.findall(
        r"<!-- code: (\S+) -->\n```\w*\n(.*?)```\n<!-- end -->", read(document), flags=re.DOTALL
    )
    return [(name, code) for name, code in found]


def test_the_node_in_ten_minutes_is_the_tested_file() -> None:
    ((name, code),) = quoted_code("CONTRIBUTING.md")
    assert code == read(name)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files_that_are_there(document: str) -> None:
    here = (ROOT / document).parent
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", read(document))
    missing = [target for target in targets if not (here / target).exists()]
    assert not missing


def test_the_map_names_every_module_of_the_server() -> None:
    rows = [line for line in read("ARCHITECTURE.md").splitlines() if line.startswith("| `server/")]
    named = set(re.findall(r"`(?:server/)?(\w+\.py)`", "\n".join(rows)))
    there = {path.name for path in (ROOT / "server").glob("[!_]*.py")}
    assert there <= named


def test_every_flag_is_documented_with_its_variable() -> None:
    text = read(REFERENCE)
    actions = [
        action
        for action in argument_parser()._actions
        if not isinstance(action, argparse._HelpAction)
    ]
    rows = [f"| `{action.option_strings[0]}` | `{variable(action.dest)}` |" for action in actions]
    assert rows
    assert [row for row in rows if row not in text] == []


def test_every_route_is_documented_with_its_own_sentence() -> None:
    text = read(REFERENCE)
    rows = [f"| {route.method} | `{route.path}` | {route.summary} |" for route in ALL_ROUTES]
    rows += [
        f"| {method} | `{path}` | {(handler.__doc__ or '').splitlines()[0]} |"
        for method, path, handler in COMFY_ROUTES
    ]
    assert rows
    assert [row for row in rows if row not in text] == []
