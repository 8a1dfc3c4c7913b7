"""The loop that runs a plan: on demand, serial on the device, side by side where nodes wait.

Nothing here recurses: a step that needs another waits for it in a list, so that chains and loops of
any length run.
"""

import heapq
import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nodes.api.catalogue import Catalogue
from nodes.api.context import Cancelled
from nodes.api.subgraph import Subgraph
from nodes.errors import NodeError
from server.engine.attempts import call
from server.engine.calls import Empty, Runs, Wanted, arguments, count_runs, joined, outputs
from server.engine.coming import Coming
from server.engine.events import Event
from server.engine.expand import Caller, Expansion, expand
from server.engine.graph import Link
from server.engine.host import Call, Host, NodeContext, Teller
from server.engine.order import links_of
from server.engine.plan import Plan
from server.engine.plan_told import PlanTold
from server.engine.problems import Problem, without_paths
from server.engine.result import Result, shape_of
from server.engine.results import Known, Results
from server.engine.work import Instances, Work, finished

LOG = logging.getLogger("weft.engine")
IO_LIMIT = 32
POLL_SECONDS = 0.05
State = Literal["succeeded", "failed", "cancelled"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    state: State
    problem: Problem | None = None


def execute(
    plan: Plan,
    catalogue: Catalogue,
    results: Results,
    emit: Callable[[Event], None],
    host: Host,
    cancelled: Callable[[], bool],
    watched: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Run a plan and tell everything through `emit`, which is called by one thread at a time.

    Args:
        plan: What to run.
        catalogue: With functions.
        results: What is known, and where what becomes known is kept.
        emit: Takes events; must not raise.
        host: The process around the run.
        cancelled: Whether the user has cancelled; asked often.
        watched: Whether anybody would see a preview, so that it is worth encoding.
    """
    return _Run(plan, catalogue, results, Teller(emit, cancelled, watched), host).run()


class _Run:
    def __init__(
        self, plan: Plan, catalogue: Catalogue, results: Results, teller: Teller, host: Host
    ) -> None:
        self.plan = plan
        self.catalogue = catalogue
        self.results = results
        self.known = Known(results, host.saved)
        self.teller = teller
        self.host = host
        self.steps = dict(plan.steps)
        self.works: dict[str, Work] = {}
        self.values: dict[str, Result] = {}
        self.held: Counter[str] = Counter()
        self.made: set[str] = set()
        self.plan_told = PlanTold(plan, self.known, teller)
        self.instances = Instances(plan)
        self.coming = Coming(plan)
        self.left = set(plan.targets)
        self.device: list[Work] = []
        self.waiting_io: list[Work] = []
        self.io_running = 0
        self.io_started = 0
        self.problem: Problem | None = None
        self.ended = False
        self.expansions = itertools.count(1)
        self.changed = threading.Condition(threading.RLock())

    def run(self) -> Outcome:
        self.results.begin()
        self.plan_told.tell(self.plan.targets)
        try:
            with self.changed:
                self._open([self._work(id_) for id_ in dict.fromkeys(self.plan.targets)])
            while (work := self._next()) is not None:
                self._process(work)
        finally:
            self.teller.close()
        if self.problem is not None:
            return Outcome("failed", self.problem)
        return Outcome("cancelled") if self.left else Outcome("succeeded")

    def _next(self) -> Work | None:
        with self.changed:
            while True:
                if self.problem is not None or self.ended or not self.left:
                    return None
                if self.teller.stopped():
                    return None
                if self.device:
                    return heapq.heappop(self.device)
                if not self.io_running:
                    raise RuntimeError(f"Nothing can run, but {sorted(self.left)[:5]} must.")
                self.changed.wait(POLL_SECONDS)

    # What follows, up to `_process`, is called with `changed` held.

    def _open(self, opening: list[Work]) -> None:
        while opening:
            work = opening.pop()
            known = None if work.step.fresh else self._known(work)
            if known is not None:
                self._finish(work, known)
                continue
            for item in work.step.spec.inputs:
                given = work.step.inputs.get(item.name)
                for link in links_of(given) if given is not None else ():
                    if item.lazy:
                        self._hold(work, link.node)
                    else:
                        opening.extend(self._want(work, link.node))
            self._arrived(work)

    def _work(self, id_: str) -> Work:
        step = self.steps[id_]
        work = self.works[id_] = Work(step, Call(step))
        # What runs every time must still run once only in one run.
        self.held[id_] += step.fresh
        return work

    def _hold(self, work: Work, id_: str) -> None:
        if id_ not in work.reads:
            work.reads.add(id_)
            self.held[id_] += 1

    def _want(self, work: Work, id_: str) -> list[Work]:
        """Have a work wait for a step, and give what must be opened for that."""
        self._hold(work, id_)
        if id_ in self.values:
            return []
        source = self.works.get(id_)
        opened = [] if source is not None else [self._work(id_)]
        self.works[id_].readers.append(work)
        work.waiting += 1
        return opened

    def _arrived(self, work: Work) -> None:
        work.waiting -= 1
        if work.waiting:
            return
        if work.step.spec.io and not work.expanded:
            heapq.heappush(self.waiting_io, work)
            self._start_io()
        else:
            heapq.heappush(self.device, work)
            self.changed.notify_all()

    def _start_io(self) -> None:
        while self.waiting_io and self.io_running < IO_LIMIT:
            self.io_running += 1
            self.io_started += 1
            # A daemon, since a node that waits for ever must not keep the process alive.
            work = heapq.heappop(self.waiting_io)
            threading.Thread(target=self._io, args=(work,), name="weft-io", daemon=True).start()

    def _known(self, work: Work) -> Result | None:
        result = self.results.get(work.step.key, self.catalogue.types)
        if result is None:
            return None
        artifacts = self.host.saved(work.step.key) if result.saves else []
        if artifacts is None:
            return None
        for problem in result.warnings:
            self.teller.tell("node.warning", work.step, {"problem": problem.to_json()})
        for artifact in artifacts:
            self.teller.tell("node.artifact", work.step, {"artifact": artifact})
        self.teller.tell("node.cached", work.step)
        return result

    def _finish(self, work: Work, result: Result) -> None:
        id_ = work.step.id
        work.finished = True
        # A value that everybody has read is looked up, or made, anew if somebody comes late.
        if self.held[id_]:
            self.values[id_] = result
        else:
            del self.works[id_]
        self.left.discard(id_)
        done = self.instances.finished(work)
        if done is not None:
            self.teller.send(Event("node.finished", done, work.step.root))
        for reader in work.readers:
            self._arrived(reader)
        for read in work.reads:
            self.held[read] -= 1
            if not self.held[read]:
                del self.held[read]
                self.values.pop(read, None)
                if read in self.works and self.works[read].finished:
                    del self.works[read]
        self.changed.notify_all()

    # From here on `changed` is not held but for moments.

    def _io(self, work: Work) -> None:
        try:
            self._process(work)
        finally:
            with self.changed:
                self.io_running -= 1
                self._start_io()
                self.changed.notify_all()

    def _process(self, work: Work) -> None:
        try:
            self._advance(work)
        except Wanted as wanted:
            self._wait_for(work, [wanted.node])
        except Cancelled:
            with self.changed:
                self.ended = True
                self.changed.notify_all()
        except NodeError as error:
            self._fail(work, Problem(error.code, error.message, error.hint))
        except (Exception, SystemExit) as error:
            # The border: whatever a node raises becomes a problem on it, and the log has the rest.
            LOG.exception("%s failed", work.step.spec.id)
            text = without_paths(f"{type(error).__name__}: {error}").rstrip(": ")
            message = f"{work.step.spec.title} failed: {text[:1000]}"
            self._fail(work, Problem("node.failed", message, "The log has the details."))

    def _fail(self, work: Work, problem: Problem) -> None:
        inner = f"In `{work.step.inner}`: " if work.step.inner else ""
        shown = Problem(problem.code, inner + problem.message, problem.hint, work.step.root)
        self.teller.tell("node.failed", work.step, {"problem": shown.to_json()})
        with self.changed:
            self.problem = self.problem or shown
            self.changed.notify_all()

    def _wait_for(self, work: Work, ids: Iterable[str]) -> None:
        with self.changed:
            work.waiting += 1
            opened = [part for id_ in ids for part in self._want(work, id_)]
            self.plan_told.tell(part.step.id for part in opened)
            self._open(opened)
            self._arrived(work)

    def _advance(self, work: Work) -> None:
        """Run what can be run of a step."""
        if work.step.key in self.made and not work.done and not work.step.fresh:
            with self.changed:
                known = self._known(work)
                if known is not None:
                    self._finish(work, known)
                    return
        if not work.started:
            work.started = True
            self.teller.tell("node.started", work.step)
        if work.runs is None:
            work.runs = count_runs(work.step, self._value)
        try:
            while len(work.done) < work.runs.count:
                if self.teller.stopped():
                    raise Cancelled
                work.done.append(self._once(work, work.runs, len(work.done)))
        except Empty:
            work.runs = Runs(0, True)
            work.done = []
        expansions = [part for part in work.done if isinstance(part, Expansion)]
        if expansions and not work.expanded:
            work.expanded = True
            for expansion in expansions:
                self.steps.update(expansion.steps)
            self._wait_for(work, [id_ for part in expansions for id_ in part.ends])
            return
        self._complete(work, work.runs)
        for expansion in expansions:
            for id_ in expansion.steps:
                del self.steps[id_]

    def _once(self, work: Work, runs: Runs, index: int) -> Mapping[str, Any] | Expansion:
        given = arguments(work.step, self._value, index, runs)
        if work.step.spec.takes_context:
            work.call.element = index
            context = NodeContext(self.host, self.teller, work.call)
            part = context.part(index / runs.count, (index + 1) / runs.count)
            given["ctx"] = context if runs.count == 1 else part
        saves, beside, start = work.call.saves, self.io_started, time.perf_counter()
        if not work.step.spec.io:
            with self.changed:
                coming = self.coming.after(work.step, self.values)
            self.host.expect(coming)
        risen = self.host.watch_memory()
        try:
            returned = call(work.step.spec, given, self.host, self.teller, work.call)
        except Wanted:
            work.call.saves = saves
            raise
        work.seconds += time.perf_counter() - start
        # What several nodes take at a time is nobody's.
        alone = not work.step.spec.io and not self.io_running and beside == self.io_started
        work.peaks.append(risen() if alone else None)
        if isinstance(returned, Subgraph):
            element = index if runs.mapped else None
            caller = Caller(work.step, given, element, self.steps)
            return expand(caller, returned, self.plan, self.catalogue, next(self.expansions))
        return outputs(work.step.spec, returned)

    def _complete(self, work: Work, runs: Runs) -> None:
        step = work.step
        parts = [self._taken(part) if isinstance(part, Expansion) else part for part in work.done]
        values = joined(parts, step.spec, runs.mapped)
        result = Result(values, work.call.saves, work.call.warnings)
        sinks = any(
            inner.spec.sink
            for part in work.done
            if isinstance(part, Expansion)
            for inner in part.steps.values()
        )
        # With sinks within, the step must expand anew each time, so that they publish again.
        if not step.fresh and not sinks:
            self.results.put(step.key, result, work.seconds)
        if work.call.workspace:
            self.host.clear_workspaces(step.key)
        told = finished([work])
        shapes = {name: shape for name, value in values.items() if (shape := shape_of(value))}
        if shapes:
            told["shapes"] = shapes
        self.teller.tell("node.finished", step, told)
        with self.changed:
            self.made.add(step.key)
            self._finish(work, result)

    def _taken(self, expansion: Expansion) -> dict[str, Any]:
        return {
            name: self._value(source) if isinstance(source, Link) else source
            for name, source in expansion.outputs.items()
        }

    def _value(self, link: Link) -> Any:
        result = self.values.get(link.node)
        if result is None:
            raise Wanted(link.node)
        return result.values[link.output]
