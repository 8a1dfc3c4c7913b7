"""A guider whose networks are where the work is done."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from nodes.diffusion.adapters.control import placed
from nodes.diffusion.adapters.gligen import grounded, grounded_on
from nodes.diffusion.guidance import resolved
from nodes.diffusion.patches.patch import NetworkPatch, with_patch
from nodes.types import Conditioning, Guider, Model

Resident = Callable[[Any], AbstractContextManager[Any]]


@contextmanager
def on_device(guider: Guider, resident: Resident) -> Iterator[Guider]:
    """Hold a guider's models, its ControlNets and its GLIGEN on the device.

    Args:
        guider: As it came by a wire; rules that the model's patches replace are replaced.
        resident: Holds a model's modules on the device while its context lasts.
    """
    guider = resolved(guider)
    with ExitStack() as stack:
        model = stack.enter_context(resident(guider.model))
        conditionings = placed(guider.conditionings, lambda net: stack.enter_context(resident(net)))
        conditionings, gligen = grounded_on(
            conditionings, lambda net: stack.enter_context(resident(net))
        )
        conditionings = _with_models(conditionings, lambda one: stack.enter_context(resident(one)))
        if gligen is not None:
            model = with_patch(model, NetworkPatch(grounded, {"gligen": gligen}))
        yield replace(guider, model=model, conditionings=conditionings)


def _with_models(
    conditionings: tuple[Conditioning, ...], place: Callable[[Model], Model]
) -> tuple[Conditioning, ...]:
    """Place the denoisers that follow prompts of their own, each once."""
    models = {part.model for each in conditionings for part in each.parts if part.model}
    there = {model: place(model) for model in models}
    return tuple(
        Conditioning(
            tuple(
                replace(part, model=there[part.model]) if part.model else part
                for part in each.parts
            )
        )
        for each in conditionings
    )
