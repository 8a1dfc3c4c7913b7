"""However malformed a request is, it is answered in words, and never as our own mistake."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.http.routes import ALL_ROUTES
from server.http.table import Route
from tests.server.http.serving import V1, Answer, Client, form, quoted, workflow
from tests.server.pictures import encoded

BOUNDED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

BODIES = [
    (b"", "application/json", 400),
    (b"{", "application/json", 400),
    (b'{"workflow": NaN}', "application/json", 400),
    (b'{"workflow": 1e999}', "application/json", 400),
    (b'{"workflow": {}, "workflow": {}}', "application/json", 400),
    (b'{"workflow": "\\ud800"}', "application/json", 400),
    (b"\xff\xfe{\x00}\x00", "application/json", 400),
    (b"[" * 200_000, "application/json", 400),
    (b'{"workflow":' * 50_000, "application/json", 400),
    (b'{"workflow": ' + b"9" * 5000 + b"}", "application/json", 400),
    (b"[" + b"0," * 1_500_000 + b"0]", "application/json", 413),
    (b'"' + b"x" * (17 * 2**20) + b'"', "application/json", 413),
    (b"[]", "application/json", 422),
    (b"null", "application/json", 422),
    (b"{}", "application/json", 422),
    (b'{"workflow": {}, "more": 1}', "application/json", 422),
    (b'{"workflow": {}, "targets": "a"}', "application/json", 422),
    (b'{"workflow": {}, "targets": [1]}', "application/json", 422),
    (b'{"workflow": {}, "front": 1}', "application/json", 422),
    (b"{}", "text/plain", 415),
    (b"{}", "application/x-www-form-urlencoded", 415),
    (b"{}", "application/jsonp", 415),
    (b"{}", "", 415),
    (b"{}", "multipart/form-data; boundary=x", 415),
]


@pytest.mark.parametrize(
    ("body", "media", "status"), BODIES, ids=[f"{b[:24]!r} {m}" for b, m, _ in BODIES]
)
def test_a_body_that_is_none_is_told_what_it_is(
    server: Client, body: bytes, media: str, status: int
) -> None:
    headers = {"Content-Type": media} if media else {}
    for path in ("/jobs", "/validate", "/plan"):
        answer = server.send("POST", V1 + path, body, headers)
        assert (answer.status, bool(answer.code)) == (status, True), answer.body
        assert len(answer.body) < 2000


def test_a_body_may_say_its_encoding_and_not_another(server: Client) -> None:
    body = json.dumps({"workflow": workflow()}).encode()
    media = {"Content-Type": "application/json; charset=utf-8"}
    assert server.send("POST", f"{V1}/validate", body, media).status == 200
    for encoding in ("gzip", "deflate", "br", "x"):
        answer = server.send(
            "POST", f"{V1}/validate", body, {**media, "Content-Encoding": encoding}
        )
        assert answer.status in (400, 415)


def test_workflows_that_are_hard_on_the_engine_are_told_in_words(server: Client) -> None:
    circle = {
        str(n): {
            "type": "Twice",
            "version": 1,
            "inputs": {"number": {"link": [str(-~n % 9), "int"]}},
        }
        for n in range(9)
    }
    chain: dict[str, Any] = {
        f"n{n}": {
            "type": "Twice",
            "version": 1,
            "inputs": {"number": {"link": [f"n{n - 1}", "int"]} if n else 1},
        }
        for n in range(3000)
    }
    many = {f"n{n}": {"type": "X", "version": 1, "inputs": {}} for n in range(20_001)}
    odd: list[dict[str, Any]] = [{"a b": {}}, {"a": None}, {"a": {"type": 3}}, {"": {}}]
    for nodes in (circle, chain, many, *odd):
        for path in ("/jobs", "/plan", "/validate", "/convert"):
            drawn = workflow(nodes=nodes)
            answer = server.post(V1 + path, drawn if path == "/convert" else {"workflow": drawn})
            assert answer.status in (200, 422), (path, answer.body[:300])
            assert answer.json()["problems"] or nodes is chain or path == "/convert"


RAW = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /%ff%00%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/jobs?q=\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/jobs?q=%ff%ed%a0%80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/workflows/%ed%a0%80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v1/workflows/\xed\xa0\x80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET //evil.example/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"BREW /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: local host\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: \xff\xfe=\x01; weft_session\r\n\r\n",
    b'GET /api/v1/nodes HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \xff"x\r\n\r\n',
    b"GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=5-1,2-3\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=\xb2-\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nIf-Modified-Since: Sat, 99 Xxx 9999 99:99:99\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nIf-Range: \xff\r\nRange: bytes=0-\r\n\r\n",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: \xff/\xfe\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Idempotency-Key: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /api/v1/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
    b"boundary=\xff\r\nContent-Length: 2\r\n\r\n{}",
    b"DELETE /api/v1/workflows/a HTTP/1.1\r\nHost: localhost\r\nIf-Match: \xff\r\n\r\n",
    b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n",
    b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: upgrade\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: \xff\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 5_000 + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00" * 100 + b"\r\n\r\n",
    b"\r\n" * 100,
]


@pytest.mark.parametrize("sent", RAW, ids=[f"{raw[:60]!r}" for raw in RAW])
def test_bytes_that_are_no_good_http_never_find_a_mistake_of_ours(
    server: Client, sent: bytes
) -> None:
    answer = exchange(server, sent)
    first = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    assert first is None or int(first[1]) < 500, answer[:500]
    assert b"Traceback" not in answer
    assert server.get("/healthz").status == 200


def exchange(server: Client, sent: bytes) -> bytes:
    """Send bytes as they are, and return what comes back within a second."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while block := connection.recv(65536):
                received += block
        except (TimeoutError, ConnectionError):
            return b""
        return received


NAMES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["..", ".", "a/b", "../x", "x" * 300, "%2e%2e", "\0", "a.json", "input", "1"]),
)
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.just(10**250),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def workflows(draw: st.DrawFn) -> Any:
    """A good workflow with one to three places changed to anything."""
    drawn: Any = json.loads(json.dumps(workflow(frames={}, notes={}, form=[], meta={}, models=[])))
    drawn["subgraphs"] = {"s": {"title": "S", "inputs": [], "outputs": [], "nodes": {}, "view": {}}}
    drawn["nodes"]["s"] = {"type": "subgraph:s", "version": 1, "inputs": {}}
    for _ in range(draw(st.integers(1, 3))):
        place = drawn
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
                place[key] = draw(ANY)
                break
            place = place[key]
    return drawn


def body_of(described: dict[str, Any], shape: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values for a described body: fitting parts, wrong parts, and parts that are not there."""
    if "$ref" in shape:
        named = described["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
        return st.fixed_dictionaries(
            {},
            optional={
                **{
                    name: body_of(described, {**about, "name": name})
                    for name, about in named["properties"].items()
                },
                "unknown": ANY,
            },
        )
    if shape.get("name") == "workflow" or ("anyOf" not in shape and "type" not in shape):
        return workflows() | ANY
    options = [option.get("type") for option in shape.get("anyOf", [shape])]
    fitting: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(max_size=30) | st.sampled_from(["a", "b"]),
        "boolean": st.booleans(),
        "integer": st.integers(-5, 500),
        "null": st.none(),
        "array": st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
    }
    return st.one_of([fitting[option] for option in options if option in fitting] + [ANY])


def query_of(parameters: list[dict[str, Any]]) -> st.SearchStrategy[str]:
    names = [p["name"] for p in parameters if p["in"] == "query"]
    value = st.one_of(
        st.text(max_size=20),
        st.integers().map(str),
        st.sampled_from(["", "0", "1", "-1", "50", "9" * 25, "queued", "output", "NaN", "null"]),
    )
    pair = st.tuples(st.sampled_from([*names, "other"]), value)
    return st.lists(pair, max_size=3).map(
        lambda pairs: "&".join(f"{name}={quoted(text)}" for name, text in pairs)
    )


@pytest.fixture(scope="module")
def described(server: Client) -> dict[str, Any]:
    document: dict[str, Any] = server.get(f"{V1}/openapi.json").json()
    return document


@pytest.mark.parametrize("route", ALL_ROUTES, ids=[f"{r.method} {r.path}" for r in ALL_ROUTES])
def test_no_request_that_fits_or_misfits_its_description_is_answered_500(
    server: Client, described: dict[str, Any], route: Route
) -> None:
    operation = described["paths"][route.path][route.method.lower()]
    known = known_names(server)
    content = operation.get("requestBody", {}).get("content", {})
    shape = content.get("application/json", {}).get("schema")
    bodies = st.none() if shape is None else body_of(described, shape)

    @BOUNDED
    @given(st.data())
    def attack(data: st.DataObject) -> None:
        names = {name: quoted(data.draw(NAMES | st.sampled_from(known))) for name in route.names}
        path = re.sub(r"\{(\w+)\}", lambda match: names[match[1]] or "%20", route.path)
        query = data.draw(query_of(operation["parameters"]))
        headers = {
            parameter["name"]: data.draw(st.text('abc01"*, W/', max_size=12))
            for parameter in operation["parameters"]
            if parameter["in"] == "header" and data.draw(st.booleans())
        }
        body = None if shape is None else json.dumps(data.draw(bodies)).encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        if route.form:
            body, headers["Content-Type"] = broken_form(data)
        answer = server.send(route.method, f"{path}?{query}" if query else path, body, headers)
        check(server, answer)

    attack()


def broken_form(data: st.DataObject) -> tuple[bytes, str]:
    fields = data.draw(
        st.dictionaries(
            st.sampled_from(["overwrite", "original", "x"]), st.text("ab./\\\0 é", max_size=9)
        )
    )
    content = data.draw(st.sampled_from([b"", b"x", encoded(4, 4), encoded(4, 4)[:50]]))
    body, media = form(content, data.draw(st.text('ab./\\\0\n" é', max_size=9)), **fields)
    at = data.draw(st.integers(0, len(body)))
    return data.draw(st.sampled_from([body, body[:at], body[:at] + b"\xff" + body[at:]])), media


def known_names(server: Client) -> list[str]:
    """Ids and names that exist, so that not everything ends at `missing`."""
    job = server.post(f"{V1}/jobs", {"workflow": workflow()}).json()["id"]
    server.put(f"{V1}/workflows/known", workflow())
    server.upload(encoded(), "known.png")
    return [job, "known", "known.png", "input"]


def check(server: Client, answer: Answer) -> None:
    if answer.body.startswith(b'{"ready":'):
        # With no worker up, being unready is the truth.
        return
    assert answer.status < 500, answer.body
    assert b"Traceback" not in answer.body
    assert str(server.data).encode() not in answer.body
    if answer.status >= 400 and answer.headers["content-type"].startswith("application/json"):
        assert answer.code
