"""What the documents say is what there is: code, links, flags, commands and routes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from server.settings import argument_parser

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


def test_every_flag_is_documented() -> None:
    text = read(REFERENCE)
    flags = [
        option
        for action in argument_parser()._actions
        if not isinstance(action, argparse._HelpAction)
        for option in action.option_strings
        if option.startswith("--")
    ]
    assert flags
    assert [flag for flag in flags if f"`{flag}`" not in text] == []
