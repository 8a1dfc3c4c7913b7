"""A page of another site can neither send anything here nor read what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import aiohttp
import pytest

from server.http.routes import ALL_ROUTES
from tests.server.http.serving import V1, Client, serving, workflow

TOKEN = "correct horse battery staple"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(
        tmp_path_factory.mktemp("locked"),
        host="0.0.0.0",
        token=TOKEN,
        allowed_hosts=("Weft.Local",),
    ) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8188", "127.0.0.1:1", "[::1]:8188", "LOCALHOST", "127.9.9.9"]
)
def test_this_computer_s_own_names_are_answered(server: Client, host: str) -> None:
    assert server.get("/healthz", Host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.168.1.2",
        "localhost@evil.example",
        "localhost:8188@evil.example",
        "evil.example#localhost",
        "evil.example/localhost",
        "",
        "[::1",
        "localhost:port",
        "0x7f000001.example",
    ],
)
def test_a_name_that_somebody_made_point_here_is_refused(server: Client, host: str) -> None:
    for path in ("/healthz", "/", f"{V1}/jobs", "/nowhere"):
        refused = server.get(path, Host=host)
        assert refused.status in (400, 421)


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://127.0.0.1:9"},
    {"Origin": "file://"},
    {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_site_s_page_can_change_nothing(server: Client, headers: dict[str, str]) -> None:
    filled = {name: text.format(port=server.port) for name, text in headers.items()}
    for route in ALL_ROUTES:
        if route.method == "GET":
            continue
        path = route.path.format(id="x", name="x", kind="x", version="1")
        refused = server.send(route.method, path, b"{}", filled)
        assert (refused.status, refused.code) == (403, "guard.origin"), route.path


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_site_s_page_cannot_listen(server: Client, headers: dict[str, str]) -> None:
    filled = {name: text.format(port=server.port) for name, text in headers.items()}

    async def connect() -> int:
        async with aiohttp.ClientSession() as session:
            try:
                url = f"http://127.0.0.1:{server.port}{V1}/events"
                async with session.ws_connect(url, headers=filled):
                    return 101
            except aiohttp.WSServerHandshakeError as refused:
                return refused.status

    assert asyncio.run(connect()) == 403


def test_our_own_page_and_scripts_are_served(server: Client) -> None:
    at = f"http://127.0.0.1:{server.port}"
    for headers in (
        {"Origin": at, "Sec-Fetch-Site": "same-origin"},
        {},
        {"Sec-Fetch-Site": "none"},
    ):
        assert server.post(f"{V1}/validate", {"workflow": workflow()}, **headers).status == 200


def test_every_answer_keeps_browsers_from_guessing_framing_and_sharing(server: Client) -> None:
    for path in ("/healthz", "/nowhere", f"{V1}/jobs", f"{V1}/nodes", f"{V1}/jobs/none", "/"):
        headers = server.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"]
        assert headers["x-request-id"]
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


def test_the_page_runs_its_own_scripts_only(server: Client) -> None:
    policy = server.get("/").headers["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts == "script-src 'self'"
    assert "unsafe-eval" not in policy


def test_without_the_token_nothing_is_told(locked: Client) -> None:
    for route in ALL_ROUTES:
        path = route.path.format(id="x", name="x", kind="x", version="1")
        answer = locked.send(route.method, path, b"{}", {"Content-Type": "application/json"})
        if path in ("/healthz", "/readyz", "/", "/favicon.svg", "/assets/x", f"{V1}/session"):
            assert answer.status != 401 or path == f"{V1}/session"
        else:
            assert (answer.status, answer.code) == (401, "guard.token"), path
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert locked.get("/nowhere").status == 401


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", "Bearer wrong", f"Bearer {TOKEN}x", "Bearer ü"],
)
def test_a_wrong_token_is_refused(locked: Client, given: str) -> None:
    sent = given.encode().decode("latin-1")
    assert locked.get(f"{V1}/jobs", Authorization=sent).status == 401


def test_the_right_token_is_taken(locked: Client) -> None:
    assert locked.get(f"{V1}/jobs", Authorization=f"Bearer {TOKEN}").status == 200


def test_a_browser_s_session_stands_for_the_token_and_does_not_tell_it(locked: Client) -> None:
    assert locked.post(f"{V1}/session", {"token": "wrong"}).status == 401
    opened = locked.post(f"{V1}/session", {"token": TOKEN})
    cookie = opened.headers["set-cookie"]
    assert opened.status == 204
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "correct" not in cookie
    pair = cookie.split(";")[0]
    assert locked.get(f"{V1}/jobs", Cookie=pair).status == 200
    assert locked.get(f"{V1}/jobs", Cookie=f"{pair[:-1]}x").status == 401
    assert "Max-Age=0" in locked.delete(f"{V1}/session", Cookie=pair).headers["set-cookie"]


def test_addresses_and_listed_names_are_answered_where_a_token_is_asked_for(locked: Client) -> None:
    bearer = f"Bearer {TOKEN}"
    for host in ("192.168.1.2:8188", "weft.local", "WEFT.local:8188", "[fe80::1]:1"):
        assert locked.get(f"{V1}/jobs", Host=host, Authorization=bearer).status == 200
    assert locked.get(f"{V1}/jobs", Host="evil.example", Authorization=bearer).status == 421


def test_a_mistake_of_ours_tells_the_client_nothing_but_an_id(
    server: Client, caplog: pytest.LogCaptureFixture
) -> None:
    kept = server.services.library._folder
    try:
        # What no request can cause: a part of the server that is broken.
        server.services.library._folder = None  # type: ignore[assignment]
        answer = server.get(f"{V1}/workflows")
    finally:
        server.services.library._folder = kept
    assert (answer.status, answer.code) == (500, "server.error")
    told = answer.json()["error"]
    assert told["id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.body.decode()
    assert "NoneType" not in answer.body.decode()
    assert any(told["id"] in record.getMessage() for record in caplog.records)


def test_a_part_of_the_page_that_is_not_there_is_a_sentence(server: Client) -> None:
    assert server.get("/assets/none.js").code == "file.missing"
    for name in (
        "..%2f..%2fpyproject.toml",
        "%2e%2e%2findex.html",
        "..\\x",
        "a%00b",
        "index.html%2f",
    ):
        assert server.get(f"/assets/{name}").status in (400, 404)
