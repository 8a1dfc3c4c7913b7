"""Nodes in other languages: words over the catalogue, which itself stays as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodes.api import NodeSpec, catalogue_of
from nodes.api.catalogue import load
from server.node_texts import NodeTexts, preferred, read_texts
from tests.server.http.serving import V1, keep, serving, twice

ROOT = Path(__file__).resolve().parent.parent.parent
TEXTS = read_texts(ROOT / "nodes" / "texts")
WORDS = NodeTexts(
    "de",
    {"serving": "Bedienung"},
    {"number": "Zahl", "int": "Ergebnis"},
    {"Twice": {"title": "Doppelt", "ports": {"number": "Was"}}},
    {"What to double.": "Was verdoppelt wird."},
    "0",
)


def port_names(spec: NodeSpec) -> set[str]:
    return {item.name for item in spec.inputs} | {item.name for item in spec.outputs}


def test_words_are_laid_over_the_catalogue_and_nothing_else_changes() -> None:
    plain = catalogue_of(twice, keep).to_json()
    laid = WORDS.over(plain)
    told = laid["nodes"]
    assert laid["titles"] == {"Twice": "Doppelt", "Keep": "Keep"}
    doubled, kept = told["Twice"], told["Keep"]
    assert (doubled["title"], doubled["aliases"]) == ("Doppelt", ["Twice"])
    assert doubled["category_label"] == "Bedienung"
    assert doubled["category"] == plain["nodes"]["Twice"]["category"]
    assert (doubled["inputs"][0]["label"], doubled["inputs"][0]["name"]) == ("Was", "number")
    assert doubled["outputs"][0]["label"] == "Ergebnis"
    assert doubled["inputs"][0]["help"] == "Was verdoppelt wird."
    assert kept["inputs"][0]["help"] == plain["nodes"]["Keep"]["inputs"][0]["help"]
    assert (kept["title"], kept["aliases"]) == ("Keep", [])
    assert [port.get("label") for port in kept["inputs"]] == ["Zahl", None]
    assert "label" not in plain["nodes"]["Twice"]["inputs"][0]


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.5,en;q=0.3", "de"),
        ("de;q=0,en;q=0.1", "en"),
        ("*;q=9,;;;de;q=nonsense", "en"),
    ],
)
def test_the_language_that_is_liked_best_is_chosen(accepted: str, chosen: str) -> None:
    assert preferred(accepted, {"de": WORDS}) == chosen


def test_nodes_are_told_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        plain = server.get(f"{V1}/nodes")
        german = server.get(f"{V1}/nodes?lang=de")
        assert server.get(f"{V1}/nodes", Accept_Language="de").body == german.body
        assert server.get(f"{V1}/nodes?lang=fr", Accept_Language="de").body == plain.body
        assert german.headers["etag"] != plain.headers["etag"]
        again = server.get(f"{V1}/nodes?lang=de", If_None_Match=german.headers["etag"])
        assert again.status == 304
        ports = german.json()["nodes"]["Twice"]["outputs"]
        assert ports[0]["label"] == TEXTS["de"].ports["int"]


@pytest.mark.parametrize("texts", TEXTS.values(), ids=list(TEXTS))
def test_the_words_are_of_nodes_ports_and_categories_that_there_are(texts: NodeTexts) -> None:
    specs = load(folders=()).specs
    categories = {part for spec in specs.values() for part in spec.category.split("/")}
    ports = {name: port_names(spec) for name, spec in specs.items()}
    assert set(texts.nodes) <= set(specs)
    assert set(texts.categories) <= categories
    assert set(texts.ports) <= set[str]().union(*ports.values())
    for name, words in texts.nodes.items():
        assert set(words) <= {"title", "summary", "ports"}
        assert set(words.get("ports", {})) <= ports[name]


@pytest.mark.parametrize("texts", TEXTS.values(), ids=list(TEXTS))
def test_every_node_has_its_words_and_every_word_of_help_is_of_a_node(texts: NodeTexts) -> None:
    specs = load(folders=()).to_json()["nodes"]
    ports = [port for spec in specs.values() for port in (*spec["inputs"], *spec["outputs"])]
    told = {item["help"] for item in (*specs.values(), *ports) if item.get("help")}
    # A label of its own is what a port is called everywhere, as the names of weights are.
    assert {port["name"] for port in ports if "label" not in port} <= set(texts.ports)
    assert {part for spec in specs.values() for part in spec["category"].split("/")} <= set(
        texts.categories
    )
    assert [
        name for name in specs if not {"title", "summary"} <= set(texts.nodes.get(name, ()))
    ] == []
    assert sorted(told - set(texts.helps)) == [], "Say these in nodes/texts/help, too."
    assert sorted(set(texts.helps) - told) == [], "These are said of nothing any more."


NAMES = {
    *(
        "Alimama",
        "AuraFlow",
        "Cascade",
        "Flux",
        "Kontext",
        "Karras",
        "Perp-Neg",
        "Stable",
        "Turbo",
        "WebP",
    ),
    *("Align Your Steps", "Optimal Steps", "ControlNet", "IP-Adapter", "Zero123"),
}
"""What is written with a capital inside a title too."""


def test_titles_are_written_as_sentences_are() -> None:
    capitals = {}
    for spec in load(packages=("nodes",), folders=()).specs.values():
        title = spec.title
        for name in NAMES:
            title = title.replace(name, "")
        others = re.findall(r"(?<=[ (])[A-Z][a-z]{2,}", title)
        if others:
            capitals[spec.title] = others
    assert capitals == {}
