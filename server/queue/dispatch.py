"""The loop between queue and workers: claims jobs, hands them over, records what comes of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from server.artifacts import Artifacts
from server.catalogue import KnownNodes
from server.feed import Feed, FeedEvent
from server.queue.claims import Claim, Claims
from server.queue.jobs import Jobs
from server.queue.run_record import RunRecord
from server.queue.seats import Offer, Seat, Start
from server.watch import Watch
from server.workers import Ending, Lost, Task, Told, Worker, Workers

if TYPE_CHECKING:
    from server.queue.foresight import Foresight

log = logging.getLogger("weft.dispatch")

_PATIENCE = 0.2
"""Seconds that a worker waits for a better suited one to take a job, before it does."""
_LOOK_AROUND = 1.0
"""Seconds after which an idle worker that nobody woke sees whether it is still there."""


class Dispatcher:
    """Runs jobs on workers until it is told to stop. Used on the event loop only."""

    def __init__(
        self,
        claims: Claims,
        jobs: Jobs,
        workers: Workers,
        feed: Feed,
        artifacts: Artifacts,
        nodes: KnownNodes,
        foresight: Foresight,
        watch: Watch,
    ) -> None:
        """Connect the parts; `start` sets them going."""
        self._claims = claims
        self._jobs = jobs
        self._workers = workers
        self._feed = feed
        self._artifacts = artifacts
        self._nodes = nodes
        self._foresight = foresight
        self._watch = watch
        self._seats: list[Seat] = []
        self._loops: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._stop_at_start: set[str] = set()
        self._changed = False

    async def start(self) -> None:
        """Take back what ran when the last server ended, and start the workers."""
        recovered = await self._claims.recover()
        if recovered:
            log.info("%d jobs that ran when the server last ended wait again", recovered)
        self._jobs.listen(self.wake, self._stop_run, self._lend)
        self._loops.append(asyncio.create_task(self._announce()))
        await self._workers.start(self._described, self._seat)

    def wake(self) -> None:
        """Look for work."""
        self._changed = True
        for seat in self._seats:
            seat.wake.set()

    async def drain(self, grace: float) -> None:
        """Start nothing more, and wait until what runs has ended or the grace is over."""
        self._stopping = True
        self._jobs.draining = True
        busy = [seat for seat in self._seats if seat.claim is not None]
        if busy:
            log.info("stopping: %d running jobs have %g s to finish", len(busy), grace)
        deadline = asyncio.get_running_loop().time() + grace
        while any(seat.claim is not None for seat in self._seats):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End the workers at once; what still runs goes back to the queue."""
        self._stopping = True
        await self._workers.stop()
        deadline = asyncio.get_running_loop().time() + 2
        while any(seat.claim for seat in self._seats):
            if asyncio.get_running_loop().time() >= deadline:
                break
            await asyncio.sleep(0.01)
        for loop in self._loops:
            loop.cancel()
        for loop in self._loops:
            with contextlib.suppress(asyncio.CancelledError):
                await loop

    def _seat(self, worker: Worker) -> None:
        seat = Seat(worker)
        self._seats.append(seat)
        self._loops.append(asyncio.create_task(self._serve(seat)))

    async def _described(self, description: Mapping[str, Any]) -> None:
        for failure in description["tracebacks"]:
            log.error("nodes of %s cannot be used:\n%s", failure["source"], failure["traceback"])
        if await self._nodes.replace(description["catalogue"]):
            current = self._nodes.current
            assert current is not None
            await self._feed.publish(FeedEvent("catalogue.changed", {"hash": current.hash}))

    async def _serve(self, seat: Seat) -> None:
        """Give one worker job after job."""
        while not self._stopping:
            self._tell_state(seat)
            await seat.worker.ready()
            self._tell_state(seat)
            seat.idle = True
            claim = await self._next(seat)
            seat.idle = False
            seat.looked = False
            start = None if claim is None else Start(claim)
            while start is not None:
                seat.claim = start.claim
                start = await self._seen_through(seat, start)
            seat.claim = None

    async def _seen_through(self, seat: Seat, start: Start) -> Start | None:
        try:
            return await self._run(seat, start)
        except Exception:
            # What failed is the server itself, such as a full disk: the job is not to blame.
            log.exception("job %s could not be recorded", start.claim.job.id)
            await self._rescue(start.claim)
            return None

    def _check(self, claim: Claim, finishing: asyncio.Task[Claim | None]) -> None:
        """Rescue a job whose end failed to be recorded while the next one ran already."""
        if not finishing.cancelled() and (problem := finishing.exception()) is not None:
            log.error("job %s could not be recorded", claim.job.id, exc_info=problem)
            self._loops.append(asyncio.create_task(self._rescue(claim)))

    async def _rescue(self, claim: Claim) -> None:
        """Give a job back whose record failed, once the state can be written again."""
        while not self._stopping:
            await asyncio.sleep(1)
            try:
                await self._claims.give_back(claim)
            except Exception:
                log.exception("job %s could not be given back", claim.job.id)
            else:
                return

    async def _next(self, seat: Seat) -> Claim | None:
        """Wait for the next job that suits a worker; None when the worker is gone instead."""
        while True:
            if seat.offer is not None:
                taken = await seat.offer
                seat.offer = None
                if taken is not None:
                    return taken
            if self._stopping or seat.worker.state != "idle":
                return None
            if seat.looked:
                seat.looked = False
            elif (claim := await self._claimed(seat)) is not None:
                return claim
            seat.waiting = True
            await self._woken(seat, _LOOK_AROUND)
            seat.waiting = False

    async def _claimed(self, seat: Seat) -> Claim | None:
        """Claim the next job for a worker, unless it suits another that is idle better."""
        seat.wake.clear()
        rivals = [
            other
            for other in self._seats
            if other.idle and other is not seat and other.worker.state == "idle"
        ]
        if rivals and not await self._suits(seat, rivals):
            # Another worker is the better one; if it does not come, this one will do.
            await self._woken(seat, _PATIENCE)
        claim = await self._claims.claim(seat.worker.name)
        if claim is not None:
            for other in rivals:
                other.wake.set()
        return claim

    def _lend(self) -> Offer | None:
        """Hold a seat for a job that is being queued; where several are free, the best has it."""
        idle = [seat for seat in self._seats if seat.idle]
        if self._stopping or len(idle) != 1 or not idle[0].waiting or idle[0].offer is not None:
            return None
        return Offer(self._claims, idle[0], self._record_of, self._ended_at_once)

    def _record_of(self, claim: Claim) -> RunRecord:
        return RunRecord(claim, self._claims, self._jobs, self._feed, self._artifacts, self._watch)

    def _ended_at_once(self, claim: Claim, record: RunRecord) -> None:
        self._watch.started(claim.job)
        self._watch.ended(claim.job, "succeeded")
        self._jobs.progress.pop(claim.job.id, None)
        self._changed = True
        closing = asyncio.create_task(record.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _woken(self, seat: Seat, patience: float) -> None:
        """Wait for a reason to look again, at most some seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await seat.wake.wait()

    async def _suits(self, seat: Seat, rivals: Sequence[Seat]) -> bool:
        """Tell whether no other idle worker holds more of the next job's results."""
        first = await self._claims.first()
        if first is None:
            return True
        _, workflow, targets = first
        keys = await self._foresight.keys(workflow, targets)
        held = await asyncio.gather(*(each.worker.known(keys) for each in (seat, *rivals)))
        return len(held[0]) >= max(len(known) for known in held[1:])

    async def _run(self, seat: Seat, start: Start) -> Start | None:
        """See one claim through; return the next one for the same worker."""
        claim = start.claim
        self._watch.started(claim.job)
        self._changed = True
        self._tell_state(seat, "busy")
        record = self._record_of(claim)

        async def hear(told: Sequence[Told]) -> None:
            await start.settled()
            await record.hear(told)

        task = Task(claim.run, claim.job.id, claim.workflow, claim.targets, claim.extra)
        seat.worker.watch(self._feed.watched)
        if claim.job.id in self._stop_at_start:
            self._stop_at_start.discard(claim.job.id)
            # Once the task is on its way, which is when this one first waits.
            asyncio.get_running_loop().call_soon(seat.worker.cancel, claim.run)
        try:
            ending = await seat.worker.run(task, hear)
            await start.settled()
            return await self._ended(seat, claim, record, ending)
        except Lost as lost:
            record.flush()
            await self._lost(claim, lost)
            return None
        finally:
            record.drop()
            self._jobs.progress.pop(claim.job.id, None)
            self._stop_at_start.discard(claim.job.id)
            self._changed = True

    async def _ended(
        self, seat: Seat, claim: Claim, record: RunRecord, ending: Ending
    ) -> Start | None:
        """Record a run's end; return the next claim, which may begin while that is written."""
        loop = asyncio.get_running_loop()
        early: asyncio.Future[Claim] = loop.create_future()

        def begin(following: Claim) -> None:
            if not early.done():
                early.set_result(following)

        def claimed(following: Claim) -> None:
            loop.call_soon_threadsafe(begin, following)

        finishing = loop.create_task(self._finish(seat, claim, record, ending, claimed))
        await asyncio.wait((early, finishing), return_when=asyncio.FIRST_COMPLETED)
        if finishing.done():
            following = finishing.result()
            return None if following is None else Start(following)
        finishing.add_done_callback(partial(self._check, claim))
        return Start(early.result(), finishing)

    async def _finish(
        self,
        seat: Seat,
        claim: Claim,
        record: RunRecord,
        ending: Ending,
        claimed: Callable[[Claim], None],
    ) -> Claim | None:
        claim_next = not self._stopping and not any(other.idle for other in self._seats)
        # What is queued after this write sets it again.
        seat.wake.clear()
        following = await self._claims.finish(
            claim,
            ending.state,
            ending.problem,
            record.rest(ending.told),
            claim_next=claim_next,
            claimed=claimed,
        )
        seat.looked = claim_next and following is None
        await record.close()
        self._watch.ended(claim.job, ending.state)
        if record.saved:
            seat.worker.settled(claim.job.id)
        return following

    async def _lost(self, claim: Claim, lost: Lost) -> None:
        if lost.wanted:
            # Cancelled jobs end here too: giving one back makes it cancelled.
            await self._claims.give_back(claim)
        elif await self._claims.worker_died(claim, lost.cause):
            log.warning("job %s is tried again: its worker %s", claim.job.id, lost.cause)
        self._watch.ended(claim.job, "lost")
        self.wake()

    def _stop_run(self, job: str) -> None:
        for seat in self._seats:
            if seat.claim is not None and seat.claim.job.id == job:
                seat.worker.cancel(seat.claim.run)
                return
        self._stop_at_start.add(job)

    def _tell_state(self, seat: Seat, state: str | None = None) -> None:
        """Tell what state a worker is in, or is about to be in, where it is another than before."""
        now = state or seat.worker.state
        if now != seat.told:
            seat.told = now
            data = {"worker": seat.worker.name, "state": now}
            self._feed.pass_on(FeedEvent("worker.changed", data))

    async def _announce(self) -> None:
        """Tell how long the queue is, and workers whether anybody looks, some times a second."""
        while True:
            await asyncio.sleep(0.2)
            for seat in self._seats:
                seat.worker.watch(self._feed.watched)
            if self._changed:
                self._changed = False
                await self._jobs.announce()
