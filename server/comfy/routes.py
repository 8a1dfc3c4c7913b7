"""The table of ComfyUI's routes: each is served twice, plain and under `/api`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from server.comfy import catalogue, jobs, pictures, queue, users
from server.comfy.socket import follow
from server.http.refusals import json_answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def nothing(request: web.Request) -> web.Response:
    """Return an empty list: no scripts are added to ComfyUI's page."""
    return json_answer([])


async def none_by_name(request: web.Request) -> web.Response:
    """Return an empty object: no nodes bring templates, translations or subgraphs of that kind."""
    return json_answer({})


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/ws", follow),
    ("GET", "/prompt", queue.get_prompt),
    ("POST", "/prompt", queue.submit),
    ("GET", "/queue", queue.get_queue),
    ("POST", "/queue", queue.change_queue),
    ("POST", "/interrupt", queue.interrupt),
    ("POST", "/free", queue.free),
    ("GET", "/history", queue.get_history),
    ("POST", "/history", queue.change_history),
    ("GET", "/history/{prompt_id}", queue.get_history_of),
    ("GET", "/jobs", jobs.get_jobs),
    ("GET", "/jobs/{prompt_id}", jobs.get_job),
    ("GET", "/object_info", catalogue.get_object_info),
    ("GET", "/object_info/{node_class}", catalogue.get_one_object_info),
    ("GET", "/system_stats", catalogue.get_system_stats),
    ("GET", "/features", catalogue.get_features),
    ("GET", "/embeddings", catalogue.get_embeddings),
    ("GET", "/models", catalogue.get_folders),
    ("GET", "/models/{folder}", catalogue.get_models),
    ("GET", "/experiment/models", catalogue.get_model_folders),
    ("GET", "/experiment/models/{folder}", catalogue.get_model_files),
    ("GET", "/view_metadata/{folder}", catalogue.get_metadata),
    ("GET", "/view", pictures.view),
    ("POST", "/upload/image", pictures.upload_image),
    ("POST", "/upload/mask", pictures.upload_mask),
    ("GET", "/extensions", nothing),
    ("GET", "/workflow_templates", none_by_name),
    ("GET", "/i18n", none_by_name),
    ("GET", "/global_subgraphs", none_by_name),
    ("GET", "/users", users.get_users),
    ("POST", "/users", users.add_user),
    ("GET", "/settings", users.get_settings),
    ("POST", "/settings", users.set_settings),
    ("GET", "/settings/{id}", users.get_setting),
    ("POST", "/settings/{id}", users.set_setting),
    ("GET", "/userdata", users.list_files),
    ("GET", "/v2/userdata", users.list_entries),
    ("GET", "/userdata/{file}", users.get_file),
    ("POST", "/userdata/{file}", users.put_file),
    ("DELETE", "/userdata/{file}", users.delete_file),
    ("POST", "/userdata/{file}/move/{dest}", users.move_file),
)


def install_comfy(app: web.Application) -> None:
    """Give an application ComfyUI's routes, after its own, which come first where both match."""
    users.install_users(app)
    for method, path, handler in ROUTES:
        for prefix in ("", "/api"):
            if method == "GET":
                # Answers HEAD too.
                app.router.add_get(prefix + path, handler)
            else:
                app.router.add_route(method, prefix + path, handler)
