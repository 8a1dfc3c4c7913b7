"""Widget values of ComfyUI's page: positions turned into names, and widgets that subgraphs show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.formats.imported import literal
from server.formats.interfaces import WIDGET_TYPES, Interface, Port, plain_name
from server.formats.lenient import is_whole, mapping, rows, text, wires

JSON = Any
Exposed = dict[str, dict[tuple[str, str], str]]
"""For each definition: inner widgets that some instance shows, with the input's name here."""

SUBGRAPH_INPUT = "-10"  # the ids that ComfyUI gives to a subgraph's own border
SUBGRAPH_OUTPUT = "-20"
OWN_INPUT = "-1"
"""In a list of shown widgets, the id that stands for the instance's own input."""
_CONTROLS = ("fixed", "increment", "decrement", "randomize")
WIDGETS = (*WIDGET_TYPES, *WIDGET_TYPES.values(), "COMBO")
"""Types, in either writing, of what is typed in or chosen."""
_EMPTY: dict[str, JSON] = {"Int": 0, "Float": 0.0, "String": "", "Boolean": False}
_PAGES_OWN = ("control_after_generate", "upload")
"""Widgets that the page adds, and that no node has as an input."""


def positional(given: list[JSON], interface: Interface) -> tuple[dict[str, JSON], list[JSON]]:
    """Name positional widget values; what is left over comes back second.

    The page adds widgets of its own: after a seed, how it changes; after an upload, a button.
    Files from before a widget had them lack the value, so it is taken only where it fits.
    """
    found: dict[str, JSON] = {}
    given = _unfolded(given, interface)
    at = 0
    chosen: dict[str, JSON] = {}
    for port in (port for port in interface.inputs if port.widget):
        if at >= len(given):
            break
        if port.name in interface.lines:
            found[port.name] = "\n".join(one for one in given[at:] if one and isinstance(one, str))
            return found, []
        if interface.shown and port.name not in interface.widgets_given(chosen):
            continue
        value = chosen[port.name] = given[at]
        at += 1
        if value is not None:
            found[port.name] = literal(value, port)
        if at < len(given):
            control = port.follower == "control" and _is_control(given[at])
            button = port.follower == "upload" and _is_button(given[at])
            at += control or button
    return found, given[at:]


def _unfolded(given: list[JSON], interface: Interface) -> list[JSON]:
    """Put the parts of an object in its place; the page shows them once more behind it."""
    for names in interface.parts.values():
        for at, value in enumerate(given):
            if isinstance(value, dict) and value.keys() >= set(names):
                parts = [value[name] for name in names]
                return [*given[:at], *parts, *given[at + 1 + len(names) :]]
    return given


def widget_values(values: Mapping[str, JSON], interface: Interface) -> Iterator[JSON]:
    """Yield a node's widget values in the page's order, with the values of the page's own."""
    chosen: dict[str, JSON] = {}
    for port in (port for port in interface.inputs if port.widget):
        if interface.shown and port.name not in interface.widgets_given(chosen):
            continue
        value = chosen[port.name] = _held(values, port)
        for parts in interface.parts.values():
            if port.name == parts[0]:
                ports = (one for one in interface.inputs if one.name in parts)
                yield {one.name: _held(values, one) for one in ports}
        if port.name in interface.lines:
            yield from text(value).splitlines()
            continue
        yield value
        if port.follower:
            yield {"control": "fixed", "upload": "image"}[port.follower]


def _held(values: Mapping[str, JSON], port: Port) -> JSON:
    given = values.get(port.name)
    value = given if is_literal(given) else default_of(port)
    return value["value"] if isinstance(value, dict) and "value" in value else value


def default_of(port: Port) -> JSON:
    """Return what a widget holds where nothing is given."""
    return _EMPTY.get(port.type) if port.default is None else port.default


def is_literal(value: JSON) -> bool:
    """Tell a value of our files from a wire and from nothing."""
    return value is not None and (not isinstance(value, dict) or "value" in value)


def own_interface(raw: dict[str, JSON], kind: str) -> Interface:
    """Return an unknown node's interface, as far as its own ports in the file tell it."""
    inputs = tuple(_own_input(port) for port in rows(raw.get("inputs")))
    outputs = tuple(
        Port(port_name(port).lower(), text(port.get("type")) or "*")
        for port in rows(raw.get("outputs"))
    )
    return Interface(kind, inputs, outputs, known=False)


def port_name(port: dict[str, JSON]) -> str:
    """Return the name of a port in our letters."""
    return plain_name(text(port.get("name"))) or "value"


def exposed_widgets(
    graphs: Sequence[dict[str, JSON]], definitions: Mapping[str, dict[str, JSON]]
) -> Exposed:
    """Find the widgets of inner nodes that instances of each definition show."""
    exposed: Exposed = {kind: {} for kind in definitions}
    led = {kind: led_widgets(definition) for kind, definition in definitions.items()}
    taken = {
        kind: {port_name(port) for port in rows(definition.get("inputs"))}
        for kind, definition in definitions.items()
    }
    inside = {
        kind: {text(raw.get("id")) for raw in rows(definition.get("nodes"))}
        for kind, definition in definitions.items()
    }
    for graph in graphs:
        for raw in rows(graph.get("nodes")):
            kind = text(raw.get("type"))
            for inner, widget in proxies(raw) if kind in definitions else ():
                known = (inner, widget) in exposed[kind] or (inner, widget) in led[kind]
                if known or inner not in inside[kind] or _is_pages_own(widget):
                    continue
                name = plain_name(widget) or "value"
                if name in taken[kind]:
                    name = plain_name(f"{widget}_{inner}")
                exposed[kind][inner, widget] = name
                taken[kind].add(name)
    return exposed


def led_widgets(definition: dict[str, JSON]) -> dict[tuple[str, str], str]:
    """Return the inner widgets that a definition's own inputs lead to, with the inputs' names.

    They come in the order of the inputs: the first for each is the one that the page shows.
    """
    names = [port_name(port) for port in rows(definition.get("inputs"))]
    incoming = {
        number: wire
        for number, wire in wires(definition.get("links"))
        if wire.origin == SUBGRAPH_INPUT and 0 <= wire.origin_slot < len(names)
    }
    found = [
        (incoming[port["link"]].origin_slot, text(raw.get("id")), text(port.get("name")))
        for raw in rows(definition.get("nodes"))
        for port in rows(raw.get("inputs"))
        if "widget" in port and is_whole(port.get("link")) and port["link"] in incoming
    ]
    found.sort(key=lambda each: each[0])
    return {(inner, widget): names[slot] for slot, inner, widget in found}


def instance_values(
    raw: dict[str, JSON],
    exposed: Mapping[tuple[str, str], str],
    led: Mapping[tuple[str, str], str],
) -> dict[str, JSON]:
    """Return the values that an instance of a subgraph gives to widgets it shows.

    Without a list of shown widgets there is one for each of the definition's inputs that leads to
    a widget, in their order. What is shown but has no value there keeps that of the inner node.
    """
    given = raw.get("widgets_values")
    if not isinstance(given, list):
        return {}
    shown, named = proxies(raw), {**exposed, **led}
    names: list[str | None]
    if shown:
        names = [
            plain_name(widget) if inner == OWN_INPUT else named.get((inner, widget))
            for inner, widget in shown
        ]
    else:
        names = list(dict.fromkeys(led.values()))
    pairs = zip(names, given, strict=False)
    return {name: literal(value) for name, value in pairs if name and value is not None}


def proxies(raw: dict[str, JSON]) -> list[tuple[str, str]]:
    """Return the widgets that an instance shows: inner node and widget of each."""
    found = mapping(raw.get("properties")).get("proxyWidgets")
    entries = found if isinstance(found, list) else []
    return [
        (text(entry[0]), text(entry[1]))
        for entry in entries
        if isinstance(entry, list) and len(entry) >= 2
    ]


def _own_input(port: dict[str, JSON]) -> Port:
    name, kind = text(port.get("name")), text(port.get("type")) or "*"
    is_seed = kind == "INT" and name in ("seed", "noise_seed")
    return Port(name, kind, widget="widget" in port, follower="control" if is_seed else "")


def _is_control(value: JSON) -> bool:
    """Tell whether a value says how a seed changes; 0 and 1 are numbers, not the old yes and no."""
    return isinstance(value, bool) or (isinstance(value, str) and value in _CONTROLS)


def _is_button(value: JSON) -> bool:
    """Tell whether a value is a button's: a word, or what the page knows of the button."""
    return value == "image" or isinstance(value, dict)


def _is_pages_own(widget: str) -> bool:
    return widget in _PAGES_OWN or widget.startswith("$$")
