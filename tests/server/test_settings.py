"""Settings: flags before environment before defaults, and what cannot be served is refused."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from server.settings import (
    ROOT,
    BadSettings,
    Settings,
    argument_parser,
    is_loopback,
    settings_from,
    variable,
)


def from_flags(*flags: str, **environment: str) -> Settings:
    return settings_from(vars(argument_parser().parse_args(flags)), environment)


def test_nothing_said_gives_the_defaults() -> None:
    assert from_flags() == Settings()


def test_a_flag_goes_before_the_environment() -> None:
    assert from_flags(WEFT_PORT="1").port == 1
    assert from_flags("--port", "2", WEFT_PORT="1").port == 2
    assert from_flags(WEFT_NO_BROWSER="1").no_browser
    assert not from_flags(WEFT_NO_BROWSER="0").no_browser


def test_every_field_has_a_flag_and_a_variable_that_its_help_names() -> None:
    text = argument_parser().format_help()
    for field in fields(Settings):
        assert variable(field.name) in text


def test_every_field_is_described() -> None:
    for field in fields(Settings):
        assert f"        {field.name}: " in (Settings.__doc__ or "")


def test_models_folders_add_to_ours() -> None:
    found = from_flags("--models-dir", "/a", "--models-dir", "/b").models_dirs
    assert found == (ROOT / "models", Path("/a"), Path("/b"))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--host", "0.0.0.0"), "token"),
        (("--host", "example.org"), "token"),
        (("--port", "70000"), "--port"),
        (("--dtype", "int8"), "--dtype"),
        (("--grace", "60"), "--grace"),
        (("--queue-limit", "-1"), "--queue-limit"),
        (("--log", "loud"), "--log"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(flags: tuple[str, ...], named: str) -> None:
    with pytest.raises(BadSettings, match=named):
        from_flags(*flags)


def test_a_variable_that_cannot_be_read_is_refused_by_name() -> None:
    for name, text in (("WEFT_PORT", "many"), ("WEFT_SPARE", "perhaps")):
        with pytest.raises(BadSettings, match=name):
            from_flags(**{name: text})


def test_another_address_is_served_with_a_token() -> None:
    assert from_flags("--host", "0.0.0.0", "--token", "x").token == "x"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"])
def test_this_computers_own_addresses_need_no_token(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "localhost.example.org", ""])
def test_other_addresses_do(host: str) -> None:
    assert not is_loopback(host)


def test_a_worker_is_told_everything_but_the_secrets(tmp_path: Path) -> None:
    data, models = tmp_path / "data", tmp_path / "models"
    settings = Settings(host="0.0.0.0", token="secret", data_dir=data, models_dirs=(models,))
    told = json.dumps(settings.to_json())
    assert "secret" not in told
    again = Settings.from_json(json.loads(told))
    assert (again.data_dir, again.models_dirs) == (data, (models,))
    assert Settings.from_json(again.to_json()) == again
