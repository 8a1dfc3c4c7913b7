"""Small nodes that behave, and some that do not: what a server has to live with."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated

from nodes.api import QUIET, Context, FileName, Range, Seed, node
from tests.server.processes import KILL

C_LIBRARY = "ucrtbase" if sys.platform == "win32" else None
"""Of this process; the name of the file that holds it."""


@node("ToyText", title="Text")
def toy_text(text: str = "", seed: Annotated[int, Seed()] = 0) -> str:
    """Give a text.

    Args:
        text: The text.
        seed: Makes it another one.
    """
    return f"{text} {seed}"


@node("ToyJoin", title="Join")
def toy_join(first: str, second: str = "") -> str:
    """Put two texts together.

    Args:
        first: The beginning.
        second: The end.
    """
    return first + second


@node("ToySave", title="Save text")
def toy_save(
    text: str, filename_prefix: Annotated[str, FileName()] = "toy", *, ctx: Context = QUIET
) -> None:
    """Save a text.

    Args:
        text: What is saved.
        filename_prefix: Start of the file's name.
    """
    ctx.save(
        lambda path, texts: _write(path, text),
        prefix=filename_prefix,
        suffix=".txt",
        mime="text/plain",
        about={"kind": "text"},
    )


@node("ToySaveAndDie", title="Save and die", pure=False)
def toy_save_and_die(text: str, marker: str, *, ctx: Context = QUIET) -> None:
    """Save a text, and the first time end the process before anyone can hear of it.

    Args:
        text: What is saved.
        marker: Path of a file that says that this was done.
    """
    ctx.save(lambda path, texts: _write(path, text), prefix="toy", suffix=".txt", mime="text/plain")
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), KILL)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@node("ToySink", title="Sink", sink=True)
def toy_sink(text: str) -> None:
    """Take a text and do nothing with it.

    Args:
        text: The text.
    """


@node("ToySteps", title="Steps", pure=False)
def toy_steps(
    text: str = "",
    steps: Annotated[int, Range(1, 100_000)] = 10,
    seconds: Annotated[float, Range(0, 60)] = 0.01,
    *,
    ctx: Context = QUIET,
) -> str:
    """Take some steps, each of some length, and show each.

    Args:
        text: Passed on.
        steps: How many.
        seconds: Length of one.
    """
    for step in ctx.track(range(steps)):
        time.sleep(seconds)
        ctx.preview(partial(_picture, step))
    return text


def _picture(step: int) -> bytes:
    return f"picture {step}".encode()


@node("ToyStuck", title="Stuck in C", pure=False)
def toy_stuck(seconds: Annotated[int, Range(0, 600)] = 60, text: str = "") -> str:
    """Sleep in C code that holds Python's lock.

    Args:
        seconds: How long.
        text: Passed on.
    """
    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(seconds * 1000)
    else:
        ctypes.PyDLL(C_LIBRARY).sleep(seconds)
    return text


@node("ToyPrint", title="Print", pure=False)
def toy_print(text: str = "") -> str:
    """Write to standard output, from Python and from C.

    Args:
        text: What is written.
    """
    print(text, flush=True)  # noqa: T201
    library = ctypes.CDLL(C_LIBRARY)
    library.puts(text.encode())
    library.fflush(None)
    return text


@node("ToyFail", title="Fail", pure=False)
def toy_fail(text: str = "") -> str:
    """Raise something that nobody foresaw.

    Args:
        text: What is said.
    """
    raise ValueError(text)


@node("ToyWarn", title="Warn", pure=False)
def toy_warn(text: str = "", *, ctx: Context = QUIET) -> str:
    """Warn.

    Args:
        text: Of what.
    """
    ctx.warn(text)
    return text


@node("ToySegfault", title="Segfault", pure=False)
def toy_segfault(text: str = "") -> str:
    """Read where nothing is.

    Args:
        text: Passed on, if that were possible.
    """
    # On Windows ctypes makes an exception of it.
    faulthandler._sigsegv()  # type: ignore[attr-defined]
    return text


@node("ToyExit", title="Exit", pure=False)
def toy_exit(text: str = "") -> str:
    """End the process without a word.

    Args:
        text: Passed on, if that were possible.
    """
    os._exit(3)


@node("ToyKill", title="Kill", pure=False)
def toy_kill(text: str = "") -> str:
    """End the process as the kernel does when memory runs out.

    Args:
        text: Passed on, if that were possible.
    """
    os.kill(os.getpid(), KILL)
    return text


@node("ToyMemory", title="Too much memory", pure=False)
def toy_memory(text: str = "") -> str:
    """Ask for more memory than there is.

    Args:
        text: Passed on.
    """
    bytearray(2**60)
    return text
