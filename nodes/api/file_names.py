"""Names of files that every platform takes, and what in them stands for a date."""

import re
from datetime import datetime

NAME_BYTES = 200
"""Longest part of a name: file systems stop at 255, and numbering and suffixes need room."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_EVERYWHERE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_NUMBERING = 24
"""Bytes that `_00001_` and a suffix add to a prefix."""
_DATE = re.compile(r"%date:([^%]+)%")
_DATE_PARTS = re.compile(r"y{1,4}|dd?|MM?|hh?|mm?|ss?")
_DATE_WORDS = {
    "%year%": "yyyy",
    "%month%": "MM",
    "%day%": "dd",
    "%hour%": "hh",
    "%minute%": "mm",
    "%second%": "ss",
}


def refusal(part: str) -> str | None:
    """Say why one part of a name is refused, or nothing when it is fine.

    The same names are refused on every platform, so that a workflow made on one runs on another.
    """
    if part in ("", ".", ".."):
        return "a part of it is empty or points elsewhere"
    if _CONTROL.search(part):
        return "it contains a control character"
    if any(character in part for character in "/\\:"):
        return "it contains a separator or a drive letter"
    if part != part.strip(" ") or part.endswith("."):
        return "it begins or ends with a space, or ends with a dot"
    if is_reserved(part):
        return "Windows keeps this name for a device"
    try:
        size = len(part.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if size > NAME_BYTES:
        return f"it is longer than {NAME_BYTES} bytes"
    return None


def prefix_refusal(prefix: str) -> str | None:
    """Say why files cannot be saved under a prefix, whose folders stand before a `/`; or nothing.

    Hidden names are refused, since nothing lists them, and what is written aside is called so.
    """
    if not prefix:
        return "it is empty"
    parts = prefix.split("/")
    for part in parts:
        if reason := refusal(part):
            return reason
        if part.startswith("."):
            return "a part of it begins with a dot"
    if len(parts[-1].encode()) > NAME_BYTES - _NUMBERING:
        return (
            f"it is longer than {NAME_BYTES - _NUMBERING} bytes, which leaves no room for numbers"
        )
    return None


def with_date(text: str, now: datetime) -> str:
    """Put a moment in place of `%date:yyyy-MM-dd%`, `%year%`, `%month%` and so on.

    `d`, `M`, `h`, `m`, `s` are numbers, doubled ones have two digits; `yy` is the end of a year.
    """
    for word, form in _DATE_WORDS.items():
        text = text.replace(word, f"%date:{form}%")
    return _DATE.sub(lambda found: _formatted(found[1], now), text)


def plain_name(text: str) -> str:
    """Make a text fit for a name: characters that some file system refuses become `_`."""
    return _NOT_EVERYWHERE.sub("_", text.encode("utf-8", "ignore").decode())


def cut(text: str, most: int) -> str:
    """Cut a text to so many bytes of UTF-8."""
    return text.encode("utf-8", "ignore")[:most].decode("utf-8", "ignore")


def is_reserved(name: str) -> bool:
    """Tell whether Windows keeps a name for a device."""
    return _RESERVED.fullmatch(name) is not None


def _formatted(form: str, now: datetime) -> str:
    values = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}

    def number(found: re.Match[str]) -> str:
        letters = found[0]
        if letters[0] == "y":
            return f"{now.year:04}"[-len(letters) :]
        return f"{values[letters[0]]:0{len(letters)}}"

    # A `/` in the form makes folders, as it does around it.
    parts = _DATE_PARTS.sub(number, form).split("/")
    return "/".join(plain_name(part) for part in parts)
