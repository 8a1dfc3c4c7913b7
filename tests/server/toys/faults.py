"""Ends a process at the n-th of its commits, renames and sends: no nodes, but imported with them.

A worker that finds the place in its environment is ended there once, however often it is replaced.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server.processes import KILL

PLACE = "TOY_FAULT"
"""The environment variable that says where a worker ends: `<number> <path of a marker>`."""


class Fault:
    """Counts what a process does that outlives it, and ends it before one of these deeds.

    Attributes:
        count: How many there were since it was armed.
    """

    def __init__(self, at: int, marker: Path) -> None:
        """End this process before deed number `at`, unless the marker is there already."""
        self.count = 0
        self._at = at
        self._marker = marker
        self._armed = False

    def arm(self) -> None:
        """Count from now on."""
        self._armed = True

    def due(self) -> None:
        """Count a deed, and end the process if it is the one."""
        if not self._armed:
            return
        self.count += 1
        if self.count == self._at and not self._marker.exists():
            self._marker.touch()
            os.kill(os.getpid(), KILL)

    def before(self, owner: Any, *names: str) -> None:
        """Have each call of some functions of a module or class count."""
        for name in names:
            setattr(owner, name, self._counted(getattr(owner, name)))

    def before_commits(self) -> None:
        """Have each commit of the connections that are opened from now on count."""
        due = self.due

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
                if sql == "COMMIT":
                    due()
                return super().execute(sql, *parameters)

        connect = sqlite3.connect
        setattr(  # noqa: B010
            sqlite3,
            "connect",
            lambda *given, **named: connect(*given, **named, factory=Connection),
        )

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.due()
            return function(*given, **named)

        return counted


if PLACE in os.environ:
    _at, _, _marker = os.environ[PLACE].partition(" ")
    _fault = Fault(int(_at), Path(_marker))
    # Sends to the server are writes; so they are from the first word of the worker on.
    _fault.before(os, "write", "link", "rename", "replace")
    _fault.arm()
