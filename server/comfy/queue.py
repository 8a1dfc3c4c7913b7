"""Prompts, the queue and the history under ComfyUI's routes: ordinary jobs, told its way."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from nodes.api import JSON
from nodes.errors import NodeError
from server.comfy.prompts import Checked, checked
from server.comfy.records import (
    MOST_ITEMS,
    HowFar,
    ended_ids,
    entry_of,
    history_of,
    how_far,
    item_of,
    queue_of,
)
from server.comfy.requests import (
    Refusal,
    body_of,
    done,
    id_in,
    ids_in,
    is_name,
    number_in,
    object_of,
    sent,
)
from server.comfy.theirs import theirs_of
from server.http.keys import SERVICES
from server.http.refusals import json_answer
from server.queue.jobs import KeyConflict, NoSuchJob, WrongState
from server.queue.rows import Job, Submission

if TYPE_CHECKING:
    from server.services import Services

TITLE = "API prompt"
_SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")
"""Never kept: nothing here asks for them."""
_LONGEST_KEYWORD = 79
"""Of a text in a PNG file."""


@dataclass(frozen=True)
class Asked:
    """What a client sent to `/prompt`.

    Attributes:
        prompt: The graph, not yet looked at.
        client: Who is told of the run.
        id: What the prompt is to be called.
        number: Its place in the queue, smaller first.
        front: Whether it goes before those that wait.
        extra_data: Kept with it, and in part embedded in what it makes.
        only: The outputs that are asked for.
    """

    prompt: JSON
    client: str | None
    id: str | None
    number: float | None
    front: bool
    extra_data: dict[str, JSON]
    only: tuple[str, ...] | None


async def submit(request: web.Request) -> web.Response:
    """Queue a prompt, or as much of it as can run."""
    services = request.app[SERVICES]
    try:
        asked = _asked(await body_of(request))
        services.disk.require()
        catalogue = await services.nodes.get()
        found = await asyncio.to_thread(
            checked, asked.prompt, asked.only, catalogue, services.files.choices
        )
        job = await _submitted(services, asked, found)
    except Refusal as refusal:
        return await asyncio.to_thread(refusal.answer)
    except KeyConflict as problem:
        return Refusal("prompt_id_taken", problem.message, problem.hint, status=409).answer()
    except NodeError as problem:
        if not problem.code.startswith("json."):
            raise
        return Refusal("invalid_prompt", problem.message, problem.hint).answer()
    number = asked.number
    if number is None:
        number = -job.number if asked.front else job.number
    told = {"prompt_id": job.id, "number": number, "node_errors": dict(found.node_errors)}
    return await sent(told) if found.node_errors else json_answer(told)


async def get_prompt(request: web.Request) -> web.Response:
    """Tell how many prompts wait or run."""
    return json_answer({"exec_info": await remaining(request.app[SERVICES])})


async def remaining(services: Services) -> dict[str, JSON]:
    """Return `exec_info`: how many jobs wait or run."""
    _, queued, running = await services.jobs.counts()
    return {"queue_remaining": queued + running}


async def get_queue(request: web.Request) -> web.Response:
    """List what runs and what waits."""
    services = request.app[SERVICES]
    catalogue = await services.nodes.get()
    running, waiting = await queue_of(services)

    def told() -> web.Response:
        return json_answer(
            {
                "queue_running": [item_of(job, theirs_of(job, catalogue)) for job in running],
                "queue_pending": [item_of(job, theirs_of(job, catalogue)) for job in waiting],
            }
        )

    return await asyncio.to_thread(told)


async def change_queue(request: web.Request) -> web.Response:
    """Take some waiting prompts, or all, out of the queue."""
    jobs = request.app[SERVICES].jobs
    body = await object_of(request)
    ids = ids_in(body, "delete")
    if body.get("clear"):
        await jobs.clear()
    for name in ids:
        job = await jobs.get(name)
        if job is not None and job.state == "queued":
            await jobs.cancel(name)
    return done()


async def interrupt(request: web.Request) -> web.Response:
    """Stop what runs, or one prompt if it runs."""
    jobs = request.app[SERVICES].jobs
    only = id_in(await object_of(request), "prompt_id")
    for job in (await jobs.queue()).running:
        if only is None or job.id == only:
            await jobs.cancel(job.id)
    return done()


async def free(request: web.Request) -> web.Response:
    """Have the workers give up what they keep for later."""
    body = await object_of(request)
    if body.get("unload_models") or body.get("free_memory"):
        for worker in request.app[SERVICES].workers.all:
            await worker.free()
    return done()


async def get_history(request: web.Request) -> web.Response:
    """List what has run: the latest, or from some place on."""
    most = number_in(request, "max_items", MOST_ITEMS)
    offset = number_in(request, "offset", -1)
    if most <= 0:
        return json_answer({})
    services = request.app[SERVICES]
    from_start = None if offset < 0 else offset
    return await sent(await entries_of(services, await history_of(services, most, from_start)))


async def get_history_of(request: web.Request) -> web.Response:
    """Tell of one prompt that has run; nothing while it waits or runs."""
    services = request.app[SERVICES]
    job = await services.jobs.get(request.match_info["prompt_id"], detail=True)
    if job is None or not job.ended or not job.attempts:
        return json_answer({})
    return await sent(await entries_of(services, [job]))


async def change_history(request: web.Request) -> web.Response:
    """Forget some of what has run, or all; files stay."""
    services = request.app[SERVICES]
    body = await object_of(request)
    ids = ids_in(body, "delete")
    if body.get("clear"):
        await services.jobs.clear_history()
    elif ids:
        await services.jobs.delete(await ended_ids(services, ids))
    return done()


async def entries_of(services: Services, jobs: list[Job]) -> dict[str, JSON]:
    """Return jobs that have ended as entries of the history, by their ids."""
    catalogue = await services.nodes.get()
    artifacts = await services.artifacts.of_jobs([job.id for job in jobs])
    unfinished = {
        job.id: how_far(await services.feed.of_job(job.id))
        for job in jobs
        if job.state != "succeeded"
    }

    def entries() -> dict[str, JSON]:
        told: dict[str, JSON] = {}
        for job in jobs:
            theirs = theirs_of(job, catalogue)
            far = unfinished.get(job.id, HowFar())
            made = artifacts.get(job.id, [])
            told[job.id] = entry_of(job, theirs, made, far, services.artifacts.text)
        return told

    return await asyncio.to_thread(entries)


async def _submitted(services: Services, asked: Asked, found: Checked) -> Job:
    submission = Submission(
        workflow=found.workflow,
        title=TITLE,
        client=asked.client,
        targets=found.targets,
        front=asked.front,
        source="comfy",
        id=asked.id,
        extra={
            "prompt": asked.prompt,
            "extra_data": asked.extra_data,
            "outputs": list(found.outputs),
            "ids": {ours: name for ours, name in found.ids.items() if ours != name},
            "number": asked.number,
            "front": asked.front,
        },
    )
    job = await services.jobs.submit(submission)
    if asked.number is not None and job.state == "queued":
        await _put_in_place(services, job, asked.number)
    return job


async def _put_in_place(services: Services, job: Job, number: float) -> None:
    """Move a job before the first that waits with a larger number."""
    catalogue = await services.nodes.get()
    _, waiting = await queue_of(services)
    for other in waiting:
        if other.id != job.id and theirs_of(other, catalogue).number > number:
            try:
                await services.jobs.move(job.id, other.id)
            except (WrongState, NoSuchJob):
                # One of the two was started, or taken out, in the meantime.
                return
            return


def _asked(body: JSON) -> Asked:
    if not isinstance(body, dict) or "prompt" not in body:
        raise Refusal("no_prompt", "No prompt was sent.", 'Send {"prompt": {…}}.')
    client, name = body.get("client_id"), body.get("prompt_id")
    if client is not None and not is_name(client):
        raise _wrong("client_id", "a text of 1 to 200 characters")
    if name is not None and not is_name(name):
        raise _wrong("prompt_id", "a text of 1 to 200 characters")
    extra = body.get("extra_data") or {}
    if not isinstance(extra, dict) or not _can_be_embedded(extra.get("extra_pnginfo")):
        raise _wrong("extra_data", "an object, and its extra_pnginfo one with short names")
    only = body.get("partial_execution_targets")
    if only is not None and not isinstance(only, list):
        raise _wrong("partial_execution_targets", "a list of node ids")
    kept = {key: value for key, value in extra.items() if key not in _SECRETS}
    return Asked(
        prompt=body["prompt"],
        client=None if client is None else str(client),
        id=None if name is None else str(name),
        number=_number(body.get("number")),
        front=body.get("front") is True,
        extra_data=kept if client is None else {**kept, "client_id": client},
        only=None if only is None else tuple(str(target) for target in only),
    )


def _number(value: JSON) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong("number", "a number")
    return float(value)


def _can_be_embedded(texts: JSON) -> bool:
    """Tell whether what is to go into PNG files has names that those can hold."""
    if texts is None:
        return True
    return isinstance(texts, Mapping) and all(
        0 < len(name) <= _LONGEST_KEYWORD
        and name.isprintable()
        and name == name.strip()
        and name.encode("latin-1", "ignore").decode("latin-1") == name
        for name in texts
    )


def _wrong(what: str, expected: str) -> Refusal:
    return Refusal("invalid_prompt", f"`{what}` has to be {expected}.")
