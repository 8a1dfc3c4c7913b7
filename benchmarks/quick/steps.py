"""Nodes that take their time: one in steps, one asleep where nothing can stop it."""

import ctypes
import time

from nodes.api import QUIET, Context, node


@node("QuickSteps", pure=False)
def quick_steps(steps: int = 100_000, seconds: float = 0.01, *, ctx: Context = QUIET) -> int:
    """Take steps.

    Args:
        steps: How many.
        seconds: Length of each.
    """
    for _ in ctx.track(range(steps)):
        time.sleep(seconds)
    return steps


@node("QuickStuck", pure=False)
def quick_stuck(seconds: int = 600) -> int:
    """Sleep in C code that holds Python's lock.

    Args:
        seconds: How long.
    """
    ctypes.PyDLL(None).sleep(seconds)
    return seconds
