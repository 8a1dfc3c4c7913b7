"""A node that makes a file of any kind: what the editor shows is tried on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nodes.api import QUIET, Context, node


@node("MakeFile", title="Make a file")
def make_file(
    text: str = "",
    suffix: str = ".txt",
    mime: str = "text/plain",
    times: int = 1,
    *,
    ctx: Context = QUIET,
) -> None:
    """Write a text into a file, and say what kind of file that is.

    Args:
        text: What it holds.
        suffix: The end of its name.
        mime: The media type that it is said to have.
        times: How often the text is repeated.
    """

    def write(path: Path, _: Mapping[str, str]) -> None:
        path.write_text(text * times, encoding="utf-8")

    ctx.save(write, prefix="made", suffix=suffix, mime=mime)
