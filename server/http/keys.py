"""Where the application and a request keep what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from server.library import Library
    from server.node_texts import NodeTexts
    from server.services import Services
    from server.thumbnails import Thumbnails
    from server.tiles import Tiles

SERVICES: web.AppKey[Services] = web.AppKey("services")
THUMBNAILS: web.AppKey[Thumbnails] = web.AppKey("thumbnails")
TILES: web.AppKey[Tiles] = web.AppKey("tiles")
TEMPLATES: web.AppKey[Library] = web.AppKey("templates")
SOCKETS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("sockets")
NODE_TEXTS: web.AppKey[Mapping[str, NodeTexts]] = web.AppKey("node texts")
DESCRIPTION: web.AppKey[dict[str, Any]] = web.AppKey("description")
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request")
"""The key of a request's id, which the log and the answer both name."""
