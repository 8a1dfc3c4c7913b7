"""The one place for what differs between Linux, macOS and Windows."""

from __future__ import annotations

import asyncio
import ctypes
import io
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, Any

WINDOWS = sys.platform == "win32"

if sys.platform == "win32":
    import msvcrt
    import subprocess
else:
    import fcntl
    import resource

_PR_SET_PDEATHSIG = 1
_STATUS_BYTES = 4096
"""The memory stands in the first of them."""
_FIRST_FAULT = 0xC0000000
_FAULTS = {0xC0000005: "STATUS_ACCESS_VIOLATION", 0xC0000017: "STATUS_NO_MEMORY"}
"""Some of what Windows gives as the status of a process that did not end by itself."""


class Taken(Exception):
    """Another process holds the lock."""


def take_lock(path: Path) -> IO[bytes]:
    """Hold a file's lock until it is closed or this process ends, however it ends.

    Raises:
        Taken: when another process holds it.
    """
    held = path.open("ab")
    try:
        if sys.platform == "win32":
            held.seek(0)
            msvcrt.locking(held.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        held.close()
        raise Taken from problem
    return held


def child_options() -> dict[str, Any]:
    """Return how a worker is started, so that Ctrl+C in the terminal reaches the server alone."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def die_with(parent: int) -> None:
    """Have the kernel end this process with its parent, where it can.

    Elsewhere a worker ends when its channel does, which takes as long as its node holds Python.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if sys.platform != "win32" and os.getppid() != parent:
        os._exit(1)


def private_channel() -> tuple[IO[bytes], IO[bytes]]:
    """Take standard input and output for the channel to the server.

    Afterwards whatever is printed, by Python or by a C library, goes to standard error, and
    reading the standard input finds its end.
    """
    commands = os.fdopen(os.dup(0), "rb", buffering=0)
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    if sys.platform == "win32":
        for stream in (commands, reports):
            msvcrt.setmode(stream.fileno(), os.O_BINARY)
    return commands, reports


def on_stop_signal(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Call a function on the event loop for each request to stop: SIGTERM, SIGINT, Ctrl+C."""
    if sys.platform == "win32":
        # Ctrl+Break is what other programs can send, and what comes when a console is closed.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    else:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)


def speak_utf8() -> None:
    """Have what is printed be UTF-8 also where it goes into a file or a pipe.

    On Windows that would be the code page of the country, which lacks most letters.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=stream.errors)


def memory_in_use() -> int:
    """Return the bytes of memory that this process occupies; its largest so far on macOS."""
    if sys.platform == "win32":
        return _windows_memory()
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def watch_memory() -> Callable[[], int | None]:
    """Watch this process's memory; the function says by how many bytes it has risen at most since.

    It says None where the highest use cannot be set back: elsewhere than on Linux.
    """
    if sys.platform == "linux":
        mark = _high_water_mark()
        if mark is not None:
            reset, status = mark
            # Since Linux 4.0, a 5 makes the highest use of memory what is in use now.
            os.pwrite(reset, b"5", 0)
            before = _highest_use(status)
            return lambda: _highest_use(status) - before
    return lambda: None


@cache
def memory_of_machine() -> int:
    """Return how many bytes of memory a process here can have, with what may be swapped out."""
    if sys.platform == "win32":
        return int(_windows_status().total_page)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "darwin":
        # It swaps for as long as the disk has room.
        return memory + shutil.disk_usage("/").free
    figures = dict(
        line.split(":", 1)
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    )
    memory += int(figures["SwapTotal"].split()[0]) * 1024
    limit = Path("/sys/fs/cgroup/memory.max")
    swap = Path("/sys/fs/cgroup/memory.swap.max")
    most = [path.read_text(encoding="ascii").strip() for path in (limit, swap) if path.exists()]
    if len(most) == 2 and "max" not in most:
        memory = min(memory, sum(map(int, most)))
    return memory


def physical_memory() -> tuple[int, int]:
    """Return the bytes of memory in this machine, and what programs may have; 0 if nobody tells."""
    if sys.platform == "win32":
        status = _windows_status()
        return int(status.total), int(status.free)
    page = os.sysconf("SC_PAGE_SIZE")
    return os.sysconf("SC_PHYS_PAGES") * page, _available_memory()


def _available_memory() -> int:
    """Read what Linux would give to programs: what is free, and what it keeps of files."""
    told = Path("/proc/meminfo")
    if not told.exists():
        return 0
    lines = dict(line.split(":", 1) for line in told.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def physical_cores() -> int:
    """Return how many cores this process may use, each counted once however many threads it has."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    usable = os.sched_getaffinity(0)
    places = (
        Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        for number in usable
    )
    cores = {place.read_text(encoding="ascii") for place in places if place.exists()}
    return len(cores) or len(usable)


def ending(code: int) -> str:
    """Say how a process ended, in words that fit after `because it`."""
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    if code >= _FIRST_FAULT:
        return f"was ended by {_FAULTS.get(code, f'0x{code:X}')}"
    return f"ended by itself with status {code}"


if sys.platform == "linux":

    def _highest_use(status: int) -> int:
        """Return the high-water mark in bytes; that of getrusage begins with the parent's."""
        text = os.pread(status, _STATUS_BYTES, 0)
        return int(text.partition(b"VmHWM:")[2].split(maxsplit=1)[0]) * 1024

    @cache
    def _high_water_mark() -> tuple[int, int] | None:
        """Open what sets the mark back, and what tells it: each is used twice a node."""
        try:
            reset = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            return None
        return reset, os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)


if sys.platform == "win32":

    class _Counters(ctypes.Structure):
        _fields_ = (
            ("size", ctypes.c_uint32),
            ("page_faults", ctypes.c_uint32),
            *(
                (name, ctypes.c_size_t)
                for name in ("peak", "working_set", "q1", "q2", "q3", "q4", "pagefile", "peak_file")
            ),
        )

    class _Status(ctypes.Structure):
        _fields_ = (
            ("size", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *(
                (name, ctypes.c_uint64)
                for name in ("total", "free", "total_page", "free_page", "virtual", "v1", "v2")
            ),
        )

    def _windows_status() -> _Status:
        status = _Status()
        status.size = ctypes.sizeof(status)
        if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
            raise ctypes.WinError()
        return status

    def _windows_memory() -> int:
        counters = _Counters()
        counters.size = ctypes.sizeof(counters)
        # A handle is as wide as a pointer; what ctypes takes for it, without a word, is half that.
        this_process = ctypes.windll.kernel32.GetCurrentProcess
        this_process.restype = ctypes.c_void_p
        if not ctypes.windll.psapi.GetProcessMemoryInfo(
            ctypes.c_void_p(this_process()), ctypes.byref(counters), counters.size
        ):
            raise ctypes.WinError()
        return int(counters.working_set)
