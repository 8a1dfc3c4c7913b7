"""JSON is read strictly: every surprise is a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.strict_json import DEEPEST, MOST_LISTS, MOST_VALUES, JSONProblem, dumps, loads

WRONG = [
    (b"", "json.syntax"),
    (b"{", "json.syntax"),
    (b"[1,]", "json.syntax"),
    (b"{'a': 1}", "json.syntax"),
    (b"NaN", "json.number"),
    (b'{"a": Infinity}', "json.number"),
    (b"[-Infinity]", "json.number"),
    (b"1e999", "json.number"),
    (b"-1e999", "json.number"),
    (b"1" * 301, "json.number"),
    (b"0." + b"1" * 400, "json.number"),
    (b'{"a": 1, "a": 2}', "json.duplicate"),
    (b'{"a": {"b": 1, "c": 2, "b": 3}}', "json.duplicate"),
    (b"\xff\xfe", "json.encoding"),
    (b'"\xed\xa0\x80"', "json.encoding"),
    (b'"\\ud800"', "json.encoding"),
    (b'{"\\udfff": 1}', "json.encoding"),
    (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "json.depth"),
    (b'{"a":' * 100_000, "json.depth"),
    (b"[" * 200_000, "json.depth"),
    (b'["]]",' * 100_000 + b"]" * 100_000, "json.depth"),
    (b"[" + b"0," * (MOST_VALUES + 1) + b"0]", "json.size"),
    (b"[" + b"[]," * MOST_LISTS + b"0]", "json.size"),
]


@pytest.mark.parametrize(("text", "code"), WRONG, ids=[f"{t[:20]!r}" for t, _ in WRONG])
def test_what_is_not_json_is_refused_with_its_reason(text: bytes, code: str) -> None:
    with pytest.raises(JSONProblem) as refused:
        loads(text)
    assert refused.value.code == code
    assert len(refused.value.message) < 300


def test_nan_is_told_by_its_name() -> None:
    with pytest.raises(JSONProblem) as refused:
        loads(b'{"is_changed": [NaN]}')
    assert refused.value.message == "The text holds NaN, which JSON does not have."
    assert "null" in refused.value.hint


def test_large_integers_keep_their_value() -> None:
    assert loads(b"18446744073709551615") == 2**64 - 1
    assert dumps(loads(b"[123456789012345678901234567890]")) == "[123456789012345678901234567890]"


def test_brackets_inside_texts_are_no_depth() -> None:
    text = json.dumps({"text": "[" * 1000 + '\\"{' * 1000}).encode()
    assert loads(text) == {"text": "[" * 1000 + '\\"{' * 1000}


def test_a_byte_order_mark_is_skipped() -> None:
    assert loads(b"\xef\xbb\xbf{}") == {}


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_many_different_keys_beside_one_double_are_told_quickly() -> None:
    names = ",".join(f'"k{i}":0' for i in range(200_000))
    with pytest.raises(JSONProblem) as refused:
        loads(f'{{{names},"k199999":1}}'.encode())
    assert "k199999" in refused.value.message


_values: Callable[..., st.SearchStrategy[object]] = st.recursive
JSON_VALUES = _values(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert loads(dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        dumps(loads(data)).encode()
    except JSONProblem:
        return
