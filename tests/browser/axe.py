"""What axe finds on a page."""

from __future__ import annotations

from pathlib import Path

from tests.browser.editor import Editor

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")
SETTLED = """() => Promise.allSettled(
    document.getAnimations()
        .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
        .map((each) => each.finished)
).then(() => undefined)"""


def findings(editor: Editor) -> list[str]:
    """The serious findings of axe, each with the first place that it names."""
    # Evaluated by the debugger: the page's own policy would forbid a script tag.
    editor.page.evaluate(AXE.read_text("utf-8"))
    # What is on its way in or out has not its own colours.
    editor.page.evaluate(SETTLED)
    violations = editor.page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)"
    )
    return [
        f"{found['id']}: {found['nodes'][0]['html'][:160]}: {found['nodes'][0]['failureSummary']}"
        for found in violations
        if found["impact"] in SERIOUS
    ]
