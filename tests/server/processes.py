"""Processes as every system has them: whose children they are, whether they live, how they end."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import psutil

KILL: int = getattr(signal, "SIGKILL", signal.SIGTERM)
"""Ends a process as a power cut would: on Windows most signals do."""


def children(pid: int) -> list[int]:
    """Return the ids of the workers that a process started."""
    found = [each for each in psutil.Process(pid).children(recursive=True) if _is_worker(each)]
    # On Windows the interpreter of a virtual environment starts the one that does the work.
    starters = {each.ppid() for each in found}
    return [each.pid for each in found if each.pid not in starters]


def is_alive(pid: int) -> bool:
    """Tell whether a process of this id is there and no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def memory(pid: int) -> int:
    """Return the bytes of memory that a process occupies."""
    return int(psutil.Process(pid).memory_info().rss)


def stoppable() -> dict[str, Any]:
    """Return how a process is started that `ask_to_stop` can reach alone."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {}


def ask_to_stop(process: subprocess.Popen[str]) -> None:
    """Ask a process to end in its own time, as one who stops a service does."""
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.send_signal(signal.SIGTERM)


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "server.workers.worker" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
