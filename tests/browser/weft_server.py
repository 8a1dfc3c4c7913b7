"""A real server in a process of its own, that a test can also kill."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
ADDRESS = re.compile(r"Weft is at http://127\.0\.0\.1:(\d+)/")
PATIENCE = 60.0


class WeftServer:
    """Weft on a free port, with a data folder of its own and the nodes of these tests."""

    def __init__(self, data: Path, models: Path, *options: str) -> None:
        """Use folders, and options of the command line beside those of every test."""
        self.data = data
        self.models = models
        self.options = options
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.log: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, on the port of the last time where there was one, and wait until it answers."""
        command = [sys.executable, "-m", "server", "--no-browser", "--port", str(self.port)]
        command += ["--data-dir", str(self.data), "--models-dir", str(self.models)]
        command += ["--custom-nodes", str(HERE / "nodes"), "--device", "cpu", "--threads", "1"]
        command += self.options
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self._process, lines), daemon=True)
        self._reader.start()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            line = lines.get(timeout=PATIENCE)
            if line is None:
                break
            if found := ADDRESS.search(line):
                self.port = int(found.group(1))
                return
        raise AssertionError("The server did not start:\n" + "".join(self.log))

    def wait_for_nodes(self) -> None:
        """Wait until a worker has told of its nodes, which takes the import of torch."""
        deadline = time.monotonic() + 3 * PATIENCE
        while True:
            try:
                self.get("/api/v1/nodes")
                return
            except urllib.error.HTTPError as refusal:
                if refusal.code != 503 or time.monotonic() > deadline:
                    raise AssertionError("No nodes came:\n" + "".join(self.log)) from refusal
                refusal.close()

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.log.append(line)
            lines.put(line)
        lines.put(None)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._end(self._process)

    def stop(self) -> None:
        """End it as a person would, and see that it obeys."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self._end(self._process)

    def _end(self, process: subprocess.Popen[str]) -> None:
        process.wait(10)
        if self._reader is not None:
            self._reader.join(10)
        if process.stdout is not None:
            process.stdout.close()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def send(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={} if body is None else {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def serving(data: Path, models: Path) -> Iterator[WeftServer]:
    """Run a server that knows its nodes, until the block is over."""
    server = WeftServer(data, models)
    server.start()
    try:
        server.wait_for_nodes()
        yield server
    finally:
        server.stop()
