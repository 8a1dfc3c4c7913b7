"""What the server may be told: one frozen value, from flags first and then the environment."""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""Where the project lies: its own models and shipped workflows are found from here."""

VERSION = "0.1.0"


class BadSettings(Exception):
    """Settings that cannot be served; the text says which and what to do."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Each field has a flag and an environment variable.

    Attributes:
        host: Address to listen on; anything but this computer's own needs a token.
        port: TCP port; 0 takes a free one.
        token: Secret that clients must send; empty asks for none.
        allowed_hosts: Further host names under which browsers may reach the server.
        no_browser: Do not open a browser at the start.
        data_dir: Where the database, inputs, outputs and caches lie.
        models_dirs: Folders of models, ours first.
        custom_nodes: Folder of the user's own nodes.
        node_packages: Importable packages whose nodes are offered.
        device: `auto`, `cpu`, `mps`, `cuda` or `cuda:N`, several with commas: a worker for each.
        dtype: Compute precision: `auto`, `float32`, `bfloat16` or `float16`.
        reserve_vram: MiB of a GPU's memory that models leave free.
        budget: MiB that models may take on the device; 0 means all that is not reserved.
        threads: Processor threads of a worker; 0 leaves one core free where it computes on the
            processor.
        spare: Keep one worker process started and waiting, to take over at once after a crash.
        result_memory: MiB of memory for results that later runs may use again.
        result_disk: MiB of disk for them.
        queue_limit: Jobs that may wait at a time.
        grace: Seconds that a running job is given when the server is told to stop.
        upload_limit: MiB that one uploaded file may have.
        pixel_limit: Millions of pixels that one uploaded picture may have.
        keep_events: Events that are kept for clients that reconnect.
        log: `plain` for people, `json` for one JSON object a line.
    """

    host: str = "127.0.0.1"
    port: int = 8188
    token: str = ""
    allowed_hosts: tuple[str, ...] = ()
    no_browser: bool = False
    data_dir: Path = Path("data")
    models_dirs: tuple[Path, ...] = (ROOT / "models",)
    custom_nodes: Path = ROOT / "custom_nodes"
    node_packages: tuple[str, ...] = ("nodes",)
    device: str = "auto"
    dtype: str = "auto"
    reserve_vram: int = 512
    budget: int = 0
    threads: int = 0
    spare: bool = False
    result_memory: int = 2048
    result_disk: int = 8192
    queue_limit: int = 10_000
    grace: float = 25.0
    upload_limit: int = 256
    pixel_limit: int = 200
    keep_events: int = 200_000
    log: str = "plain"

    def __post_init__(self) -> None:
        """Refuse what cannot be served.

        Raises:
            BadSettings: with a sentence that names the setting.
        """
        if not 0 <= self.port <= 65535:
            raise BadSettings(f"--port must be between 0 and 65535, not {self.port}.")
        if self.dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise BadSettings(
                f"--dtype takes auto, float32, bfloat16 or float16, not `{self.dtype}`."
            )
        if self.log not in ("plain", "json"):
            raise BadSettings(f"--log takes plain or json, not `{self.log}`.")
        if not 0 <= self.grace <= 30:
            raise BadSettings(f"--grace must be between 0 and 30 seconds, not {self.grace}.")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and value < 0:
                raise BadSettings(f"{_flag(field.name)} must not be negative.")
        if not is_loopback(self.host) and not self.token:
            raise BadSettings(
                f"Listening on {self.host} lets other computers in, so it needs a token: "
                "add --token with a long random text, or leave --host away."
            )

    def to_json(self) -> dict[str, Any]:
        """Return what a worker needs to know; secrets stay here."""
        told = {**asdict(self), "host": "127.0.0.1", "token": ""}
        return {name: _plain(value) for name, value in told.items()}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Settings:
        """Read what `to_json` wrote."""
        values = dict(told)
        for name in ("allowed_hosts", "node_packages"):
            values[name] = tuple(values[name])
        for name in ("data_dir", "custom_nodes"):
            values[name] = Path(values[name])
        values["models_dirs"] = tuple(Path(folder) for folder in values["models_dirs"])
        return cls(**values)

    @property
    def database(self) -> Path:
        """The file that holds the queue, the history and the events."""
        return self.data_dir / "weft.sqlite"

    @property
    def output_dir(self) -> Path:
        """Where finished files go."""
        return self.data_dir / "output"

    @property
    def temp_dir(self) -> Path:
        """Where previews and other passing files go."""
        return self.data_dir / "temp"

    @property
    def input_dir(self) -> Path:
        """Where uploads go."""
        return self.data_dir / "input"

    @property
    def cache_dir(self) -> Path:
        """What may be deleted at any time while the server is stopped."""
        return self.data_dir / "cache"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value.absolute()) if isinstance(value, Path) else value


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is reachable from this computer alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


_FLAGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("host", {"metavar": "ADDRESS", "help": "address to listen on (127.0.0.1)"}),
    ("port", {"type": int, "metavar": "N", "help": "port to listen on (8188; 0 takes a free one)"}),
    ("token", {"metavar": "TEXT", "help": "secret that clients must send"}),
    (
        "allowed_hosts",
        {"action": "append", "metavar": "NAME", "help": "further host name to answer to; repeats"},
    ),
    ("no_browser", {"action": "store_true", "help": "do not open a browser"}),
    ("data_dir", {"type": Path, "metavar": "DIR", "help": "queue, inputs, outputs (./data)"}),
    (
        "models_dirs",
        {"action": "append", "type": Path, "metavar": "DIR", "help": "further models; repeats"},
    ),
    ("custom_nodes", {"type": Path, "metavar": "DIR", "help": "your own nodes (./custom_nodes)"}),
    (
        "node_packages",
        {"action": "append", "metavar": "NAME", "help": "package of nodes to offer (nodes)"},
    ),
    ("device", {"metavar": "NAME", "help": "auto, cpu, mps, cuda or cuda:0,cuda:1 (auto)"}),
    ("dtype", {"metavar": "NAME", "help": "auto, float32, bfloat16 or float16 (auto)"}),
    ("reserve_vram", {"type": int, "metavar": "MIB", "help": "GPU memory to leave free (512)"}),
    ("budget", {"type": int, "metavar": "MIB", "help": "memory for models on the device (all)"}),
    ("threads", {"type": int, "metavar": "N", "help": "threads of a worker (all cores but one)"}),
    ("spare", {"action": "store_true", "help": "keep a second worker waiting to take over"}),
    ("result_memory", {"type": int, "metavar": "MIB", "help": "memory for kept results (2048)"}),
    ("result_disk", {"type": int, "metavar": "MIB", "help": "disk for kept results (8192)"}),
    ("queue_limit", {"type": int, "metavar": "N", "help": "jobs that may wait (10000)"}),
    ("grace", {"type": float, "metavar": "SECONDS", "help": "time to finish at a stop (25)"}),
    ("upload_limit", {"type": int, "metavar": "MIB", "help": "size of one upload (256)"}),
    ("pixel_limit", {"type": int, "metavar": "MILLIONS", "help": "pixels of one upload (200)"}),
    ("keep_events", {"type": int, "metavar": "N", "help": "events kept for replay (200000)"}),
    ("log", {"metavar": "FORM", "help": "plain or json (plain)"}),
)
_SINGULAR = {
    "allowed_hosts": "allowed-host",
    "models_dirs": "models-dir",
    "node_packages": "node-package",
}


def _flag(name: str) -> str:
    return "--" + _SINGULAR.get(name, name.replace("_", "-"))


def variable(name: str) -> str:
    """Return the environment variable of a field: `WEFT_DATA_DIR` for `data_dir`."""
    return "WEFT_" + _flag(name)[2:].replace("-", "_").upper()


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags of every setting; what is not said stays out of its result."""
    for name, options in _FLAGS:
        told = {**options, "help": f"{options['help']} [{variable(name)}]"}
        parser.add_argument(_flag(name), dest=name, default=argparse.SUPPRESS, **told)


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the server's flags."""
    parser = argparse.ArgumentParser(prog="weft", description="Serve the Weft workflow editor.")
    add_flags(parser)
    return parser


def settings_from(told: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Make settings of parsed flags and, where a flag is absent, the environment.

    Raises:
        BadSettings: when a value cannot be read or served.
    """
    values: dict[str, Any] = {}
    for name, options in _FLAGS:
        if name in told:
            values[name] = told[name]
        elif variable(name) in environment:
            values[name] = _read(name, options, environment[variable(name)])
    for name in ("allowed_hosts", "node_packages"):
        if name in values:
            values[name] = tuple(values[name])
    if "models_dirs" in values:
        values["models_dirs"] = (ROOT / "models", *values["models_dirs"])
    for name in ("data_dir", "custom_nodes"):
        if name in values:
            values[name] = values[name].expanduser().absolute()
    return Settings(**values)


def parse_settings(arguments: Sequence[str]) -> Settings:
    """Make settings of command-line flags and this process's environment."""
    return settings_from(vars(argument_parser().parse_args(arguments)), os.environ)


def _read(name: str, options: Mapping[str, Any], text: str) -> Any:
    kind = options.get("type", str)
    try:
        if options.get("action") == "append":
            return [kind(part) for part in text.split(os.pathsep) if part]
        if options.get("action") == "store_true":
            return _truth(text)
        return kind(text)
    except ValueError as problem:
        raise BadSettings(f"{variable(name)} cannot be read: `{text}`.") from problem


def _truth(text: str) -> bool:
    if text.lower() not in ("1", "true", "yes", "0", "false", "no", ""):
        raise ValueError(text)
    return text.lower() in ("1", "true", "yes")
