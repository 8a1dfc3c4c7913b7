"""A real server process on a real port, with toy nodes: started, asked, killed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.server.processes import ask_to_stop, children, stoppable

ROOT = Path(__file__).resolve().parent.parent.parent
ENDED = ("succeeded", "failed", "cancelled", "quarantined")
_PATIENCE = 240.0
"""Seconds after which a test gives up; nothing is measured by it."""

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Unreachable(Exception):
    """The server gave no answer, so nobody knows whether it did what was asked."""


@dataclass
class Server:
    """A server process, and a client of it."""

    process: subprocess.Popen[str]
    port: int
    data: Path
    log: list[str] = field(default_factory=list)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; an answer of any status is an answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", **(headers or {})} if body is not None else {},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
                text = answer.read()
                return Answer(answer.status, json.loads(text or "null"), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, json.loads(error.read() or "null"), dict(error.headers))
        except OSError as error:
            raise Unreachable from error

    def submit(self, *nodes: tuple[str, str, Mapping[str, Any]], **more: Any) -> str:
        """Queue a workflow; return the job's id."""
        answer = self.ask("POST", "/api/v1/jobs", {"workflow": workflow(*nodes), **more})
        assert answer.status == 202, answer
        return str(answer.body["id"])

    def job(self, job: str) -> dict[str, Any]:
        """Return a job."""
        answer = self.ask("GET", f"/api/v1/jobs/{job}")
        assert answer.status == 200, answer
        return dict(answer.body)

    def wait_for(self, job: str, *states: str) -> dict[str, Any]:
        """Wait until a job is in one of some states, or has ended."""
        wanted = states or ENDED
        return until(lambda: found if (found := self.job(job))["state"] in wanted else None)

    def events(self, job: str) -> list[dict[str, Any]]:
        """Return what happened to a job."""
        return list(self.ask("GET", f"/api/v1/jobs/{job}/events?limit=1000").body["items"])

    def worker_pids(self) -> list[int]:
        """Return the ids of the server's workers."""
        return children(self.process.pid)

    def wait_until_up(self) -> None:
        """Wait until a worker is idle."""
        until(
            lambda: [
                worker
                for worker in self.ask("GET", "/api/v1/system").body["workers"]
                if worker["state"] == "idle"
            ]
        )

    def stop(self) -> None:
        """Ask the process to end in its own time."""
        ask_to_stop(self.process)

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()


def workflow(*nodes: tuple[str, str, Mapping[str, Any]], title: str = "Toys") -> dict[str, Any]:
    """Make a workflow of (id, type, inputs); an input `@id` is a wire from that node."""
    return {
        "format": 1,
        "title": title,
        "nodes": {
            name: {
                "type": kind,
                "version": 1,
                "inputs": {key: _input(value) for key, value in inputs.items()},
            }
            for name, kind, inputs in nodes
        },
        "view": {},
    }


def saving(text: str = "hello", prefix: str = "toy") -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Nodes that save a text."""
    return (
        ("text", "ToyText", {"text": text}),
        ("save", "ToySave", {"text": "@text", "filename_prefix": prefix}),
    )


def through(kind: str, **inputs: Any) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Nodes that run one toy and take what it gives."""
    return (("toy", kind, inputs), ("sink", "ToySink", {"text": "@toy"}))


@contextmanager
def serving(data: Path, *flags: str, wait: bool = True) -> Iterator[Server]:
    """Run a server over a data folder; it is killed at the end if it still runs."""
    process = subprocess.Popen(
        command("serve", "--port", "0", "--no-browser", "--data-dir", str(data), *flags),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **stoppable(),
    )
    log: list[str] = []
    reading = threading.Thread(target=lambda: log.extend(process.stderr or ()))
    reading.start()
    try:
        assert process.stdout is not None
        address = re.search(r":(\d+)/", process.stdout.readline())
        assert address is not None, "The server did not start."
        server = Server(process, int(address[1]), data, log)
        if wait:
            server.wait_until_up()
        yield server
    finally:
        process.kill()
        process.wait()
        reading.join()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def command(name: str, *flags: str) -> list[str]:
    """Return a command of the command line, with the toys in place of all nodes."""
    return [
        *(sys.executable, "-m", "server", name),
        *("--node-package", "tests.server.toys", "--device", "cpu"),
        *("--custom-nodes", str(ROOT / "tests" / "none"), *flags),
    ]


def until(look: Callable[[], T | None], patience: float = _PATIENCE) -> T:
    """Look again and again until something is there."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("It did not come.")


def _input(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return {"link": [value[1:], "string"]}
    return value
