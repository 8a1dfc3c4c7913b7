"""A workflow that is called over HTTP by the line that its form gives."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import expect

from tests.browser.editor import Editor, image_workflow
from tests.browser.test_keeping import save_as

FORM: list[dict[str, Any]] = [
    {"node": "paper", "input": "width", "label": "How wide", "max": 512},
    {"node": "paper", "input": "height", "name": "tall", "label": "How tall it's"},
]


def test_the_line_that_the_form_gives_makes_the_picture(editor: Editor, tmp_path: Path) -> None:
    editor.load({**image_workflow("Paper"), "form": FORM})
    editor.key("Shift+F")
    form = editor.page.get_by_role("region", name="Form", exact=True)
    form.get_by_text("Use over HTTP").click()
    expect(form).to_contain_text("Save the workflow, and it can be called by its name.")
    save_as(editor, "calls/it's paper")
    width = form.get_by_role("spinbutton", name="How wide")
    width.focus()
    editor.page.keyboard.type("96")
    editor.key("Enter")
    line = form.get_by_role("textbox", name="The call, as a line for a shell")
    expect(line).to_have_value(re.compile('"how_wide":96'))
    command = line.input_value()
    assert '"tall":64' in command
    assert "/calls%2Fit%27s%20paper/run" in command
    ended = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (96, 64)


def test_the_name_of_a_field_is_set_in_the_form_s_editor(editor: Editor) -> None:
    editor.load({**image_workflow("Names"), "form": FORM[:1]})
    editor.key("Shift+F")
    editor.page.get_by_role("button", name="Change the form").click()
    editor.page.get_by_label("Name over HTTP").fill("breadth")
    editor.page.get_by_role("button", name="Done").click()
    assert editor.exported()["form"] == [{**FORM[0], "name": "breadth"}]
