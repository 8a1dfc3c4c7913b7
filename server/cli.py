"""The command line: `serve` (also without a command), `run`, `validate`, `convert`, `nodes`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nodes.errors import NodeError
from server.engine.problems import Invalid
from server.log import set_up_log
from server.platform import speak_utf8
from server.settings import BadSettings, Settings, add_flags, settings_from

COMMANDS = {
    "serve": "serve the editor and the API; also without a command",
    "run": "run workflows without a server",
    "validate": "say what is wrong with workflows",
    "convert": "bring a workflow into our format, or into ComfyUI's",
    "nodes": "list the nodes, or describe one",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    settings = argparse.ArgumentParser(add_help=False)
    add_flags(settings)
    whole = argparse.ArgumentParser(
        prog="python -m server", description="Weft, a node editor for diffusion models."
    )
    commands = whole.add_subparsers(dest="command", required=True)
    parsers = {
        name: commands.add_parser(name, parents=[settings], help=says, description=says)
        for name, says in COMMANDS.items()
    }
    many: dict[str, Any] = {"type": Path, "nargs": "+", "metavar": "FILE"}
    parsers["run"].add_argument("files", help="workflows, or pictures that carry theirs", **many)
    parsers["run"].add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="NODE.INPUT=VALUE",
        help="change an input before the run; repeats",
    )
    parsers["run"].add_argument("--out", type=Path, metavar="DIR", help="where results go")
    parsers["validate"].add_argument("files", help="workflows", **many)
    parsers["convert"].add_argument("file", type=Path, metavar="FILE", help="the workflow")
    parsers["convert"].add_argument("--out", type=Path, metavar="FILE", help="what to write")
    parsers["convert"].add_argument(
        "--to", choices=("weft", "comfyui"), default="weft", help="the format to write"
    )
    parsers["nodes"].add_argument("node", nargs="?", metavar="ID", help="the node to describe")
    parsers["nodes"].add_argument("--json", action="store_true", help="as JSON")
    return whole


def main(arguments: Sequence[str]) -> int:
    """Run a command; return the exit status: 0 well, 1 failed, 2 not understood, 130 stopped."""
    speak_utf8()
    told = list(arguments)
    if not told or (told[0].startswith("-") and told[0] not in ("-h", "--help")):
        told.insert(0, "serve")
    options = parser().parse_args(told)
    try:
        return _run(options, settings_from(vars(options), os.environ))
    except BadSettings as problem:
        print(f"weft: {problem}", file=sys.stderr)
        return 2
    except Invalid as invalid:
        for each in invalid.problems:
            print(f"weft: {each.message} {each.hint}".rstrip(), file=sys.stderr)
        return 1
    except NodeError as problem:
        print(f"weft: {problem.message} {problem.hint}".rstrip(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace, settings: Settings) -> int:
    # Each command imports what it needs: serving answers within a second of its start.
    match options.command:
        case "serve":
            return _serve(settings)
        case "run":
            from server.cli_run import run_run

            return run_run(settings, options.files, options.changes, options.out)
        case "validate":
            from server.cli_files import run_validate

            return run_validate(settings, options.files)
        case "convert":
            from server.cli_files import run_convert

            return run_convert(settings, options.file, options.out, options.to)
        case _:
            from server.cli_files import run_nodes

            return run_nodes(settings, options.node, options.json)


def _serve(settings: Settings) -> int:
    from server.app import serve

    set_up_log(settings.log)
    serving = serve(settings, lambda url: print(f"Weft is at {url}", flush=True))
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serving)
    except OSError as problem:
        print(
            f"weft: cannot listen on {settings.host}, port {settings.port}: {problem.strerror}. "
            "Is another server running? --port takes another port.",
            file=sys.stderr,
        )
        return 1
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop: uvloop's, a fifth less work a request, where it exists."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
