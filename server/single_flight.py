"""Many who ask for the same at once wait for one making of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """What is being made now, by key. Used on the event loop only."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._underway: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Make something, or wait for the making of the same that is under way.

        It is made to its end, whoever goes away meanwhile.

        Raises:
            Exception: what the making raised, to everyone who waits for it.
        """
        task = self._underway.get(key)
        if task is None:
            task = asyncio.create_task(make())
            self._underway[key] = task
            task.add_done_callback(lambda _: self._underway.pop(key))
        return await asyncio.shield(task)
