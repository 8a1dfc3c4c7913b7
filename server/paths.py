"""The contained path: the one place where a name from outside becomes a path on disk.

The rule: no name that came from a request, a workflow or a worker is joined to a path elsewhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from nodes.api.file_names import NAME_BYTES, cut, is_reserved, plain_name, refusal
from nodes.errors import FileProblem

PATH_BYTES = 1000
"""Longest name with folders: Linux stops at 4096, macOS at 1024."""


def contained(root: Path, name: str, *, folders: bool = False, also: Iterable[Path] = ()) -> Path:
    """Return the path of a name inside a folder, or refuse it.

    Args:
        root: The folder that the path must lie in.
        name: A file name; with `folders`, a relative name with `/` between its parts.
        folders: Whether the name may lie in folders below the root.
        also: Further folders that a symbolic link inside the root may lead into.

    Returns:
        The path under `root` as it was named; its real path lies in `root` or in one of `also`.
        It need not exist.

    Raises:
        FileProblem: `file.name` when the name is refused, `file.outside` when it leads out.
    """
    parts = name.split("/") if folders else [name]
    if len(name) > PATH_BYTES:
        raise _refused(name, f"it is longer than {PATH_BYTES} characters")
    for part in parts:
        if reason := refusal(part):
            raise _refused(name, reason)
    path = root.joinpath(*parts)
    try:
        real = path.resolve()
        roots = [root.resolve(), *(folder.resolve() for folder in also)]
    except (OSError, RuntimeError) as problem:
        raise _refused(name, "its symbolic links go in a circle or cannot be read") from problem
    if not any(real.is_relative_to(folder) for folder in roots):
        raise FileProblem(
            f"{shown(name)} is a link to a file outside of its folder.",
            hint="Put the file itself there, or give its folder with --models-dir.",
            code="file.outside",
        )
    return path


def tidy_name(name: str, fallback: str = "file") -> str:
    """Make a name that `contained` accepts out of what a browser calls a file.

    Folders are dropped, characters that some file system refuses become `_`, and a long name is
    cut before its suffix.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    text = plain_name(unicodedata.normalize("NFC", last)).strip(" .")
    if not text:
        text = fallback
    if is_reserved(text):
        text = f"_{text}"
    stem, dot, suffix = text.rpartition(".")
    if not stem:
        stem, dot, suffix = text, "", ""
    suffix = cut(suffix, 20)
    # Room is left for a number such as " (12345)" behind the stem.
    return (cut(stem, NAME_BYTES - 40).rstrip(" .") + dot + suffix).rstrip(" .")


def shown(name: str) -> str:
    """Quote a name for a sentence: printable, and never long."""
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name
    )
    return f"“{text[:80]}…”" if len(text) > 80 else f"“{text}”"


def _refused(name: str, reason: str) -> FileProblem:
    return FileProblem(
        f"{shown(name)} cannot be a file name here: {reason}.",
        hint="Rename the file, with letters, digits, spaces, dots, dashes and underscores.",
        code="file.name",
    )
