"""Prompt weights: `(word:1.2)` read into pieces of text, each with its weight."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# What a pair of parentheses without a number multiplies the weight by.
EMPHASIS = 1.1

_MARK = re.compile(r"\\[()]|[()]")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?\s*")


@dataclass(frozen=True)
class Weighted:
    """A piece of a prompt and the weight of its tokens; 1 leaves them as they are."""

    text: str
    weight: float


def weighted(prompt: str) -> tuple[Weighted, ...]:
    r"""Read the weights of a prompt.

    `(text)` multiplies the weight by 1.1 and `(text:1.3)` sets it to 1.3, whatever surrounds it;
    both nest. `\(` and `\)` are parentheses to be drawn, and so is one that has no partner.
    """
    return tuple(_pieces(prompt, _partners(prompt), 0, len(prompt), 1.0))


def _partners(prompt: str) -> dict[int, int]:
    """Map the place of each opening parenthesis to that of its closing one."""
    open_places: list[int] = []
    partners: dict[int, int] = {}
    for mark in _MARK.finditer(prompt):
        if mark[0] == "(":
            open_places.append(mark.start())
        elif mark[0] == ")" and open_places:
            partners[open_places.pop()] = mark.start()
    return partners


def _pieces(
    prompt: str, partners: dict[int, int], start: int, end: int, weight: float
) -> Iterator[Weighted]:
    # A stack rather than recursion: a prompt may nest deeper than Python can call.
    work = [(start, end, weight)]
    while work:
        start, end, weight = work.pop()
        place = next((at for at in range(start, end) if at in partners), None)
        if place is None:
            yield from _plain(prompt[start:end], weight)
            continue
        yield from _plain(prompt[start:place], weight)
        close = partners[place]
        work.append((close + 1, end, weight))
        colon = prompt.rfind(":", place + 2, close)
        number = _NUMBER.fullmatch(prompt, colon + 1, close) if colon >= 0 else None
        if number:
            work.append((place + 1, colon, float(number[0])))
        else:
            work.append((place + 1, close, weight * EMPHASIS))


def _plain(text: str, weight: float) -> Iterator[Weighted]:
    text = re.sub(r"\\([()])", r"\1", text)
    if text:
        yield Weighted(text, weight)
