"""What a run would compute, and where: keys are made here, workers say which they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Container
from dataclasses import dataclass
from typing import Any

from server.catalogue import KnownNodes
from server.engine.graph import Graph
from server.engine.plan import Plan, make_plan
from server.engine.problems import Invalid
from server.engine.upgrade import upgrade
from server.files import Files
from server.workers import Workers


@dataclass(frozen=True)
class Prospect:
    """What a run would do.

    Attributes:
        worker: Who would run it: the one that holds most of it; None when none is there.
        plan: What is needed, less what that worker holds.
    """

    worker: str | None
    plan: Plan

    def to_json(self) -> dict[str, Any]:
        """Return it as clients see it."""
        told = self.plan.to_json()
        return {"worker": self.worker, **{name: told[name] for name in ("run", "total", "nodes")}}


class Foresight:
    """Plans runs without running them."""

    def __init__(self, nodes: KnownNodes, files: Files, workers: Workers) -> None:
        """Plan with the catalogue, the files as they are, and what the workers hold."""
        self._nodes = nodes
        self._files = files
        self._workers = workers

    async def keys(self, workflow: Any, targets: Collection[str] | None) -> frozenset[str]:
        """Return the keys of all that a run needs; none when it cannot be planned."""
        try:
            graph = await asyncio.to_thread(Graph.from_json, workflow)
            plan = await self._plan(graph, targets, ())
        except Invalid:
            # The worker that takes it reports what is wrong.
            return frozenset()
        return frozenset(plan.keys.values())

    async def prospect(self, graph: Graph, targets: Collection[str] | None = None) -> Prospect:
        """Say what a run of a graph would compute now.

        Raises:
            Invalid: when it cannot be run.
            NotReady: when the nodes are not known yet.
        """
        plan = await self._plan(graph, targets, ())
        keys = frozenset(plan.keys.values())
        workers = list(self._workers.all)
        held = await asyncio.gather(*(worker.known(keys) for worker in workers))
        best = max(range(len(workers)), key=lambda place: len(held[place]), default=None)
        if best is None:
            return Prospect(None, plan)
        return Prospect(workers[best].name, await self._plan(graph, targets, held[best]))

    async def _plan(
        self, graph: Graph, targets: Collection[str] | None, known: Container[str]
    ) -> Plan:
        catalogue = await self._nodes.get()

        def work() -> Plan:
            return make_plan(
                upgrade(graph, catalogue),
                catalogue,
                salt=catalogue.salt_text,
                stamp=self._files.stamp,
                known=known,
                targets=targets,
            )

        return await asyncio.to_thread(work)
