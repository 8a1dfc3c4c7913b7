"""A guider whose networks are where the work is done."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from nodes.diffusion.control import placed
from nodes.diffusion.guidance import resolved
from nodes.types import Guider

Resident = Callable[[Any], AbstractContextManager[Any]]


@contextmanager
def on_device(guider: Guider, resident: Resident) -> Iterator[Guider]:
    """Hold a guider's model and its ControlNets on the device.

    Args:
        guider: As it came by a wire; rules that the model's patches replace are replaced.
        resident: Holds a model's modules on the device while its context lasts.
    """
    guider = resolved(guider)
    with ExitStack() as stack:
        model = stack.enter_context(resident(guider.model))
        conditionings = placed(guider.conditionings, lambda net: stack.enter_context(resident(net)))
        yield replace(guider, model=model, conditionings=conditionings)
