"""A file that a prompt names is a part of what the prompt's result depends on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nodes.api import catalogue_of
from nodes.loaders import clip_loader
from nodes.logic import primitive_string
from nodes.output import preview_any
from nodes.text import clip_text_encode
from server.engine.graph import Graph
from server.engine.plan import make_plan
from server.engine.problems import Invalid
from server.files import Files
from server.settings import Settings

CATALOGUE = catalogue_of(clip_text_encode, clip_loader, primitive_string, preview_any)
BY_WIRE = {"link": ["text", "string"]}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("text_encoders/clip", "embeddings/cat", "embeddings/dog"):
        path = tmp_path / "models" / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"one")
    return tmp_path / "models"


def key(models: Path, text: str | Mapping[str, Any], said: str = "") -> str:
    nodes = {
        "clip": {"type": "CLIPLoader", "inputs": {"clip_name": "clip.safetensors"}},
        "text": {"type": "PrimitiveString", "inputs": {"value": said}},
        "prompt": {
            "type": "CLIPTextEncode",
            "inputs": {"clip": {"link": ["clip", "clip"]}, "text": text},
        },
        "shown": {"type": "PreviewAny", "inputs": {"source": {"link": ["prompt", "conditioning"]}}},
    }
    graph = Graph.from_json({"format": 1, "nodes": nodes})
    files = Files(Settings(data_dir=models.parent, models_dirs=(models,)))
    return make_plan(graph, CATALOGUE, salt="", stamp=files.stamp).keys["prompt"]


def test_another_file_under_the_same_name_is_another_prompt(models: Path) -> None:
    prompts = ("a embedding:cat", "(embedding:cat.safetensors:1.2)", "embedding:dog", "a cat")
    before = [key(models, prompt) for prompt in prompts]
    (models / "embeddings" / "cat.safetensors").write_bytes(b"other")
    after = [key(models, prompt) for prompt in prompts]
    same = [one == two for one, two in zip(before, after, strict=True)]
    assert same == [False, False, True, True]


def test_a_prompt_that_comes_by_a_wire_depends_on_all_files_that_it_may_name(models: Path) -> None:
    before = key(models, BY_WIRE, "a cat")
    assert key(models, BY_WIRE, "a cat") == before
    (models / "embeddings" / "new.safetensors").write_bytes(b"one")
    assert key(models, BY_WIRE, "a cat") != before


def test_a_file_that_is_missing_is_told_before_the_run(models: Path) -> None:
    with pytest.raises(Invalid) as refused:
        key(models, "a embedding:gone")
    (problem,) = refused.value.problems
    assert (problem.code, problem.node) == ("embedding.missing", "prompt")
