"""What a run tells of its plan, and tells again when it grows."""

import time
from collections.abc import Container, Iterable

from server.engine.events import Event
from server.engine.host import Teller
from server.engine.plan import Plan, Step, running

AGAIN_SECONDS = 1.0


class PlanTold:
    """The steps that were told of."""

    def __init__(self, plan: Plan, known: Container[str], teller: Teller) -> None:
        """Begin with none.

        Args:
            plan: What is run.
            known: The keys that need not be computed, as far as they are known by now.
            teller: Where to tell it.
        """
        self._plan = plan
        self._known = known
        self._teller = teller
        self._order: dict[str, str] = {}
        self._told_at = 0.0

    def tell(self, ids: Iterable[str]) -> None:
        """Tell what will run for some steps, and tell it again when they are further ones."""
        steps = self._plan.steps
        more = running(steps, (id_ for id_ in ids if id_ in steps), self._known)
        added = sorted((steps[id_] for id_ in more - self._order.keys()), key=_place)
        self._order.update((step.id, step.root) for step in added)
        now = time.monotonic()
        if self._told_at and (not added or now - self._told_at < AGAIN_SECONDS):
            return
        self._told_at = now
        roots = list(dict.fromkeys(self._order.values()))
        cached = {steps[id_].root for id_ in self._plan.cached}
        told = {"order": roots, "cached": sorted(cached - set(roots)), "total": len(roots)}
        self._teller.send(Event("plan", told))


def _place(step: Step) -> tuple[int, ...]:
    return step.place
