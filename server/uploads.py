"""Pictures that come in: received aside, looked into, and given a name that is still free."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nodes.errors import FileProblem
from server.atomic import once_let_go, part_in, publish, settle
from server.files import Files
from server.paths import contained, tidy_name
from server.pictures import MOST_PIXELS, check, with_mask

_BLOCK = 2**20


@dataclass(frozen=True)
class Upload:
    """A picture that was received.

    Attributes:
        name: Relative to its folder, with `/` between the parts.
        kind: The kind of file that it can be named as.
        width: In pixels, as it is shown.
        height: In pixels, as it is shown.
    """

    name: str
    kind: str
    width: int
    height: int

    def to_json(self) -> dict[str, str | int]:
        """Return the fields as JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "width": self.width,
            "height": self.height,
        }


def store_picture(
    files: Files,
    part: Path,
    name: str,
    *,
    overwrite: bool = False,
    place: str = "input",
    subfolder: str = "",
    most_pixels: int = MOST_PIXELS,
) -> Upload:
    """Give a received picture its name.

    The same content under the same name is kept once; other content under it becomes
    `name (1).png`, unless it is to be overwritten. Takes long; call it in a thread.

    Args:
        files: The folders.
        part: The received file, from `part_for`; it is gone afterwards.
        name: What the sender calls it; made tidy, with the ending that its content asks for.
        overwrite: Whether to take the place of what has this name.
        place: `input`, `output` or `temp`.
        subfolder: A folder below that, with `/` between the parts.
        most_pixels: A larger picture is refused.

    Raises:
        FileProblem: when the name is refused, or the content is no picture within the limits.
    """
    try:
        picture = check(part, most_pixels)
        tidy = tidy_name(name, fallback="picture")
        if not tidy.lower().endswith(picture.suffixes):
            tidy = tidy_name(tidy.rsplit(".", 1)[0] + picture.suffixes[0])
        root = files.place(place)
        folder = contained(root, subfolder, folders=True) if subfolder else root
        folder.mkdir(parents=True, exist_ok=True)
        target = _named(part, folder, tidy, overwrite)
        return Upload(target.relative_to(root).as_posix(), place, picture.width, picture.height)
    finally:
        part.unlink(missing_ok=True)


def store_masked(
    files: Files, part: Path, original: str, name: str, *, most_pixels: int = MOST_PIXELS
) -> Upload:
    """Put a received mask's alpha on an input picture, and keep that as a new input.

    Takes long; call it in a thread.

    Args:
        files: The folders.
        part: The received mask, from `part_for`; it is gone afterwards.
        original: The input picture, by name.
        name: What to call the result.
        most_pixels: A larger picture is refused.

    Raises:
        FileProblem: as `store_picture` does, and when the sizes of the two differ.
    """
    try:
        check(part, most_pixels)
        made = part_for(files)
        try:
            with_mask(files.path("input", original), part, made, most_pixels)
            return store_picture(files, made, name, most_pixels=most_pixels)
        finally:
            made.unlink(missing_ok=True)
    finally:
        part.unlink(missing_ok=True)


def part_for(files: Files, place: str = "input") -> Path:
    """Return where to write an upload while it comes in; nobody else sees it there."""
    return part_in(files.place(place))


def _named(part: Path, folder: Path, name: str, overwrite: bool) -> Path:
    if overwrite:
        target = contained(folder, name)
        settle(part)
        once_let_go(lambda: part.replace(target))
        return target
    for candidate in _candidates(name):
        target = contained(folder, candidate)
        if target.is_file() and same_content(target, part):
            return target
        if not target.exists() and publish(part, target):
            return target
    raise FileProblem(
        f"There are too many files called {name} already.",
        hint="Give it another name.",
        code="file.taken",
    )


def _candidates(name: str) -> Iterator[str]:
    stem, dot, suffix = name.rpartition(".")
    yield name
    for number in range(1, 10_000):
        yield f"{stem} ({number}){dot}{suffix}"


def same_content(one: Path, other: Path) -> bool:
    """Tell whether two files hold the same bytes."""
    if one.stat().st_size != other.stat().st_size:
        return False
    return _digest(one) == _digest(other)


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()
