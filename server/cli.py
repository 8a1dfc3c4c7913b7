"""The command line: `serve` (also without a command), `run`, `validate`, `convert`, `nodes`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from nodes.errors import NodeError
from server.settings import BadSettings, Settings, add_flags, settings_from

_COMMANDS = ("serve",)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    settings = argparse.ArgumentParser(add_help=False)
    add_flags(settings)
    whole = argparse.ArgumentParser(
        prog="python -m server", description="Weft, a node editor for diffusion models."
    )
    commands = whole.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", parents=[settings], help="serve the editor and the API (default)")
    return whole


def main(arguments: Sequence[str]) -> int:
    """Run a command; return the exit status: 0 well, 1 failed, 2 not understood, 130 stopped."""
    told = list(arguments)
    if not told or (told[0].startswith("-") and told[0] not in ("-h", "--help")):
        told.insert(0, "serve")
    options = parser().parse_args(told)
    try:
        settings = settings_from(vars(options), os.environ)
        return _run(options, settings)
    except BadSettings as problem:
        print(f"weft: {problem}", file=sys.stderr)
        return 2
    except NodeError as problem:
        print(f"weft: {problem.message} {problem.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace, settings: Settings) -> int:
    from server.cli_serve import run_serve

    return run_serve(settings)
