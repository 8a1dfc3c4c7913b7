"""What a worker sends: reports gathered for some milliseconds, so that a quick run is one frame."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from server.workers.frames import pack

_GATHER_SECONDS = 0.005


class Outbox:
    """The worker's end of the channel, for any of its threads."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Send over a stream."""
        self._descriptor = stream.fileno()
        self._stream = stream
        self._lock = threading.Lock()
        self._told: list[dict[str, Any]] = []
        self._run = ""
        self._filled = threading.Event()
        threading.Thread(target=self._flush_often, name="weft-outbox", daemon=True).start()

    def tell(
        self, run: str, kind: str, data: Mapping[str, Any], node: str | None, blob: bytes | None
    ) -> None:
        """Report what happened in a run; a preview's bytes go at once."""
        said = {"type": kind, "data": dict(data), "node": node, "time": time.time()}
        with self._lock:
            if blob is not None:
                self._flush()
                self._write(pack({"is": "told", "run": run, "told": [said]}, blob))
                return
            self._run = run
            self._told.append(said)
            if kind == "node.started":
                # The node may hold Python's lock for as long as it runs, and nothing go out then.
                self._flush()
                return
        self._filled.set()

    def done(self, run: str, state: str, problem: Mapping[str, Any] | None) -> None:
        """Report a run's end, with what was not sent yet."""
        with self._lock:
            told, self._told = self._told, []
            header = {"is": "done", "run": run, "state": state, "problem": problem, "told": told}
            self._write(pack(header))

    def send(self, header: dict[str, Any]) -> None:
        """Send what has to do with no run."""
        with self._lock:
            self._write(pack(header))

    def _flush_often(self) -> None:
        while True:
            self._filled.wait()
            time.sleep(_GATHER_SECONDS)
            self._filled.clear()
            with self._lock:
                self._flush()

    def _flush(self) -> None:
        if self._told:
            told, self._told = self._told, []
            self._write(pack({"is": "told", "run": self._run, "told": told}))

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except BrokenPipeError:
            # The server is gone; it takes the job back at its next start.
            os._exit(1)
