"""What the next steps of a run will be given, as far as it is known already."""

from collections.abc import Mapping
from typing import Any

from server.engine.order import links_of
from server.engine.plan import Plan, Step
from server.engine.result import Result

# A host can make ready for so many steps ahead; more would only be asked in vain.
_STEPS_AHEAD = 8


class Coming:
    """The order in which the steps of a plan compute."""

    def __init__(self, plan: Plan) -> None:
        """Note the order; steps that wait for disk or network run beside it."""
        self._order = [step for step in plan.order if not step.spec.io]
        self._places = {step.id: place for place, step in enumerate(self._order)}

    def after(self, step: Step, values: Mapping[str, Result]) -> list[Any]:
        """Find values that the steps after one will be given, the soonest first.

        Args:
            step: The one that is about to run; nothing is known to come after an inner one.
            values: Results by the id of their step.
        """
        place = self._places.get(step.id)
        if place is None:
            return []
        return [
            values[link.node].values[link.output]
            for later in self._order[place + 1 : place + 1 + _STEPS_AHEAD]
            for given in later.inputs.values()
            for link in links_of(given)
            if link.node in values
        ]
