"""The built editor in the repository is the one that its sources make."""

import gzip
import hashlib
import json
import re
from pathlib import Path

WEB = Path(__file__).resolve().parents[2] / "web"
ROOTS = (
    "index.html",
    "package-lock.json",
    "public",
    "scripts",
    "src",
    "tsconfig.json",
    "vite.config.ts",
)
REBUILD = "Run `npm ci && npm run build` in web/ and commit web/dist."


def source_files() -> list[str]:
    files: list[str] = []
    for name in ROOTS:
        root = WEB / name
        if root.is_file():
            files.append(name)
        elif root.is_dir():
            files += [
                path.relative_to(WEB).as_posix() for path in root.rglob("*") if path.is_file()
            ]
    return sorted(name for name in files if not re.search(r"\.test\.tsx?$|/fixtures/", name))


def hash_sources() -> str:
    """Hash as `web/scripts/sources.ts` does."""
    digest = hashlib.sha256()
    for name in source_files():
        contents = (WEB / name).read_bytes().replace(b"\r", b"")
        digest.update(name.encode() + b"\0" + contents + b"\0")
    return digest.hexdigest()


def test_the_bundle_was_built_from_these_sources() -> None:
    built = json.loads((WEB / "dist" / "build-info.json").read_text())["sources"]
    assert built == hash_sources(), f"web/dist is stale. {REBUILD}"


def test_the_page_loads_at_most_285_kilobytes_of_script_at_first() -> None:
    page = (WEB / "dist" / "index.html").read_text()
    first = set(re.findall(r'(?:src|href)="/?(assets/[^"]+\.js)"', page))
    assert first, "The page names no script."
    size = sum(len(gzip.compress((WEB / "dist" / name).read_bytes(), 9)) for name in first)
    assert size <= 285_000, f"{size} bytes after gzip: load something when it is first used."


def test_the_page_has_no_script_of_its_own_and_none_from_elsewhere() -> None:
    page = (WEB / "dist" / "index.html").read_text()
    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL):
        assert "src=" in attributes, "The content security policy forbids inline scripts."
        assert not body.strip()
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page), "Something comes from elsewhere."
    assert not re.search(r"\son\w+=", page), "The content security policy forbids inline handlers."
