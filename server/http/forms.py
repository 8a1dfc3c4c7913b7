"""A saved workflow as an endpoint: its form's values in, the job or the picture out."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from aiohttp import hdrs, web

from nodes.api import JSON
from server.artifacts import Artifact
from server.engine.form import Field, WrongValues, draw_seeds, fields_of, fill, schema_of
from server.engine.graph import Graph
from server.engine.problems import errors
from server.engine.upgrade import upgrade
from server.engine.validate import validate
from server.feed import RESET
from server.http.content import file_answer
from server.http.form_values import read_values
from server.http.keys import TEMPLATES
from server.http.refusals import error_answer, json_answer, status_of
from server.http.runs import idempotency_key
from server.http.table import JSON_MEDIA, Call
from server.platform import memory_of_machine
from server.queue.jobs import NoSuchJob
from server.queue.rows import Job, Submission
from server.typed_json import Bounds

_NEWS = ("job.finished", "job.removed", RESET)
"""Events after which a job that is waited for is looked at again."""


@dataclass(frozen=True)
class FormQuery:
    """Which content of a saved workflow is meant.

    Attributes:
        version: The number of one that it had; the newest where left out.
    """

    version: Annotated[int, Bounds(1, 999_999_999)] | None = None


@dataclass(frozen=True)
class RunQuery:
    """How to run a saved workflow.

    Attributes:
        wait: Seconds to wait for the result; without it the job is answered at once.
        version: The number of a content that the workflow had; the newest where left out.
    """

    wait: Annotated[int, Bounds(0, 3600)] = 0
    version: Annotated[int, Bounds(1, 999_999_999)] | None = None


@dataclass(frozen=True)
class TemplateRunQuery:
    """How to run a workflow that comes with the program.

    Attributes:
        wait: Seconds to wait for the result; without it the job is answered at once.
    """

    wait: Annotated[int, Bounds(0, 3600)] = 0


@dataclass(frozen=True)
class FormField:
    """One value that a workflow's form takes.

    Attributes:
        name: What to call it in the body of a run.
        node: The node that has the input.
        input: The input's name in the workflow.
        label: What people read beside it.
        group: The heading that it stands under, or nothing.
        picture: Whether a picture can be sent in its place, in a multipart form.
        required: Whether it has to be given, since the workflow has no value there.
        value: What the workflow has there; null where it is required.
        schema: The JSON Schema of its values.
    """

    name: str
    node: str
    input: str
    label: str
    group: str
    picture: bool
    required: bool
    value: JSON
    schema: JSON


@dataclass(frozen=True)
class Form:
    """The values that a workflow takes.

    Attributes:
        title: Of the workflow.
        run: The path to send them to.
        fields: In the form's order; none where the workflow has no form, or nothing in it.
    """

    title: str
    run: str
    fields: tuple[FormField, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {
            "title": self.title,
            "run": self.run,
            "fields": [dict(vars(field)) for field in self.fields],
        }


async def get_form(call: Call, name: str, query: FormQuery) -> Form:
    """Return the form of a saved workflow: the values that a run of it takes."""
    return await _form(call, await _saved(call, name, query.version), run_path("workflows", name))


async def get_template_form(call: Call, name: str) -> Form:
    """Return the form of a workflow that comes with the program."""
    return await _form(call, await _shipped(call, name), run_path("templates", name))


async def run_workflow(call: Call, name: str, query: RunQuery) -> web.StreamResponse:
    """Run a saved workflow with values for its form; with `wait`, answer with what it made."""
    return await _run(call, await _saved(call, name, query.version), query.wait)


async def run_template(call: Call, name: str, query: TemplateRunQuery) -> web.StreamResponse:
    """Run a workflow that comes with the program, with values for its form."""
    return await _run(call, await _shipped(call, name), query.wait)


def run_path(kind: str, name: str) -> str:
    """Return where the values go of a workflow among the saved ones or the templates."""
    return f"/api/v1/{kind}/{quote(name, safe='')}/run"


async def _saved(call: Call, name: str, version: int | None) -> JSON:
    library = call.services.library
    if version is None:
        return (await asyncio.to_thread(library.get, name))[0]
    return (await asyncio.to_thread(library.get_version, name, version))[0]


async def _shipped(call: Call, name: str) -> JSON:
    return (await asyncio.to_thread(call.request.app[TEMPLATES].get, name))[0]


async def _form(call: Call, document: JSON, path: str) -> Form:
    catalogue = await call.services.nodes.get()

    def described() -> Form:
        graph = upgrade(Graph.from_json(document), catalogue)
        fields = fields_of(graph, catalogue)
        title = graph.rest.get("title")
        return Form(
            title if isinstance(title, str) else "",
            path,
            tuple(_described(call, field) for field in fields),
        )

    return await asyncio.to_thread(described)


def _described(call: Call, field: Field) -> FormField:
    return FormField(
        name=field.name,
        node=field.node,
        input=field.spec.name,
        label=field.label,
        group=field.group,
        picture=field.takes_picture,
        required=not field.given,
        value=field.value,
        schema=schema_of(field, call.services.files.choices),
    )


async def _run(call: Call, document: JSON, wait: int) -> web.StreamResponse:
    call.services.disk.require()
    key = idempotency_key(call)
    catalogue = await call.services.nodes.get()
    graph = await asyncio.to_thread(lambda: upgrade(Graph.from_json(document), catalogue))
    fields = fields_of(graph, catalogue)
    values = await read_values(call, fields)
    workflow = await asyncio.to_thread(_filled, call, graph, fields, values, key)
    job = await call.services.jobs.submit(Submission(workflow=workflow, key=key))
    return await _answer(call, await _waited(call, job, wait) if wait else job)


def _filled(
    call: Call,
    graph: Graph,
    fields: tuple[Field, ...],
    values: Mapping[str, JSON],
    key: str | None,
) -> JSON:
    """Put the values in; everything that is wrong with them, or the rest, is told at once."""
    catalogue, choices = call.services.nodes.current, call.services.files.choices
    assert catalogue is not None
    filled, problems = fill(graph, fields, values, choices)
    kept = [(field.node, field.spec.name) for field in fields if field.name in values]
    filled = draw_seeds(filled, key or uuid.uuid4().hex, kept)
    found = errors(validate(filled, catalogue, choices, memory=memory_of_machine()))
    if problems or found:
        raise WrongValues([*problems, *found])
    return filled.to_json()


async def _waited(call: Call, job: Job, seconds: int) -> Job:
    """Wait until a job is over, or the time is; return how it stands then."""
    jobs, feed = call.services.jobs, call.services.feed
    # What is told from here on is read from the disk if need be, so nothing falls between.
    start = feed.latest
    found = await jobs.get(job.id)
    try:
        async with (
            asyncio.timeout(seconds),
            aclosing(feed.batches(start, passing=False)) as batches,
        ):
            while found is not None and not found.ended:
                batch = await anext(batches)
                if any(event.type in _NEWS and event.job in (job.id, None) for event in batch):
                    found = await jobs.get(job.id)
    except TimeoutError:
        found = await jobs.get(job.id)
    if found is None:
        raise NoSuchJob
    return found


async def _answer(call: Call, job: Job) -> web.StreamResponse:
    """Answer with a job as far as it is: itself, what it made, or why it failed."""
    at = f"/api/v1/jobs/{job.id}"
    results = _by_importance(job.artifacts)
    if not job.ended:
        answer: web.StreamResponse = json_answer(job, 202)
    elif job.state != "succeeded":
        answer = _failed(job)
    elif _wants_json(call.request) or not results:
        answer = json_answer(job)
    else:
        path = await asyncio.to_thread(call.services.artifacts.path, results[0])
        answer = await asyncio.to_thread(lambda: file_answer(path, cache="no-store"))
        answer.headers["Content-Location"] = _content(results[0])
    answer.headers[hdrs.LOCATION] = at
    for artifact in results:
        answer.headers.add("Link", f'<{_content(artifact)}>; rel="item"; type="{artifact.mime}"')
    return answer


def _by_importance(artifacts: tuple[Artifact, ...]) -> list[Artifact]:
    """Put pictures before the rest, and what was saved before what was only shown."""
    return sorted(artifacts, key=lambda made: (made.kind != "image", made.folder != "output"))


def _content(artifact: Artifact) -> str:
    return f"/api/v1/artifacts/{artifact.id}/content"


def _wants_json(request: web.Request) -> bool:
    accepted = request.headers.get(hdrs.ACCEPT, "").lower().split(",")
    return any(part.partition(";")[0].strip() == JSON_MEDIA for part in accepted)


def _failed(job: Job) -> web.Response:
    code = f"job.{job.state}"
    if job.problem is None:
        message, hint, problems = "The job was cancelled.", "Send it again, or retry the job.", []
    else:
        message, hint = str(job.problem["message"]), str(job.problem.get("hint", ""))
        problems = [dict(job.problem)]
    return error_answer(status_of(code), code, message, hint, problems=problems)
