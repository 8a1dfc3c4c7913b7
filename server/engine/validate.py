"""Everything that is wrong with a graph, at once, each thing on its node and input."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from nodes.api.catalogue import Catalogue
from nodes.api.spec import ANY, InputSpec, NodeSpec
from server.engine.effective import Flat, flatten, inner_of, root_of
from server.engine.file_names import with_file_names
from server.engine.graph import Graph, Input, Link, Links, Literal, Node
from server.engine.order import circles, links_of, needed, sources_of, topological
from server.engine.price import overweight
from server.engine.problems import Problem, Suggestions
from server.engine.values import Choices, check_value, fits, named, type_of


def validate(
    graph: Graph,
    catalogue: Catalogue,
    choices: Choices | None = None,
    targets: Collection[str] | None = None,
    memory: int | None = None,
) -> list[Problem]:
    """Find every problem of a graph, in time proportional to it.

    Args:
        graph: As it was upgraded.
        catalogue: What nodes there are.
        choices: Names of the files of a kind; without it files are not looked for.
        targets: The nodes that a run is for; all sinks if None. Problems on nodes that they do
            not need are warnings.
        memory: Bytes that values may take; without it nothing is too large.
    """
    check = _Check(with_file_names(flatten(graph, catalogue), catalogue), catalogue, choices)
    found = list(check.flat.problems)
    sources = sources_of(check.flat.nodes)
    order = topological(sources)
    wanted, missing = find_targets(check.flat, catalogue, targets)
    found.extend(missing)
    used = {root_of(id_) for id_ in needed(sources, wanted)}
    for id_, node in check.flat.nodes.items():
        found.extend(_placed(check.node(id_, node), id_))
    found.extend(_circles(sources, order))
    for id_ in order:
        found.extend(_placed(check.types(id_), id_))
    if memory is not None:
        # What is wrong by itself needs no price.
        wrong = {problem.node for problem in found if problem.severity == "error"}
        for id_, problem in overweight(check.flat, catalogue, order, memory):
            if root_of(id_) not in wrong:
                found.extend(_placed([problem], id_))
    if not wanted and not missing:
        message = "Nothing in the workflow makes a result."
        hint = "Add a node that does, such as SaveImage, and wire it."
        found.append(Problem("graph.no_result", message, hint))
        used = set(graph.nodes)
    return [
        problem if problem.node is None or problem.node in used else _as_warning(problem, graph)
        for problem in found
    ]


def find_targets(
    flat: Flat, catalogue: Catalogue, targets: Collection[str] | None
) -> tuple[list[str], list[Problem]]:
    """Find what a run is for: the targets, with what stands in instances; or all sinks."""
    sinks = [id_ for id_, node in flat.nodes.items() if is_sink(node, catalogue)]
    if targets is None:
        return sinks, []
    found: dict[str, None] = {}
    problems: list[Problem] = []
    for target in targets:
        if target in flat.nodes:
            found[target] = None
        elif target in flat.instances or target in flat.passed:
            names = flat.instances.get(target) or flat.passed.get(target, ())
            ends = (flat.resolve(Link(target, name)) for name in names)
            found.update({end.node: None for end in ends if isinstance(end, Link)})
            found.update({id_: None for id_ in sinks if id_.startswith(f"{target}:")})
        else:
            message = f"There is no node `{target}` to run."
            hint = "It may be muted." if target in flat.muted else "It may have been taken out."
            problems.append(Problem("target.missing", message, hint))
    return list(found), problems


def is_sink(node: Node, catalogue: Catalogue) -> bool:
    """Tell whether runs are for a node."""
    spec = catalogue.specs.get(node.type)
    return spec is not None and spec.sink


@dataclass
class _Check:
    flat: Flat
    catalogue: Catalogue
    choices: Choices | None
    suggestions: Suggestions = field(default_factory=Suggestions)
    outputs: dict[tuple[str, str], str] = field(default_factory=dict)
    folders: dict[str, Collection[str]] = field(default_factory=dict)
    givers: dict[str, str] = field(default_factory=dict)
    bridges: dict[tuple[str, str], str] = field(default_factory=dict)

    def node(self, id_: str, node: Node) -> Iterator[Problem]:
        """Check type, version and inputs of a node, but for the types that wires bring."""
        spec = self.catalogue.specs.get(node.type)
        if spec is None:
            near = self.suggestions.near(node.type, self.catalogue.specs).strip()
            message = f"There is no node `{node.type[:100]}`."
            yield Problem(
                "node.unknown", message, near or "Install what brings it, or take it out."
            )
            return
        if node.version > spec.version:
            message = (
                f"{spec.title} is of version {node.version}; {spec.version} is the newest here."
            )
            yield Problem("node.version", message, "Update this program.")
        for name in node.inputs:
            if spec.input(name) is None:
                near = self.suggestions.near(name, (item.name for item in spec.inputs)).strip()
                message = f"{spec.title} has no input `{name[:100]}`."
                yield Problem("input.unknown", message, near or "Take it out.", None, name)
        for item in spec.inputs:
            yield from self._input(id_, spec, item, node.inputs.get(item.name))

    def types(self, id_: str) -> Iterator[Problem]:
        """Check what wires bring to a node whose sources were checked before it."""
        node = self.flat.nodes[id_]
        spec = self.catalogue.specs.get(node.type)
        if spec is None:
            return
        bound: dict[str, str] = {}
        for item in spec.inputs:
            given = node.inputs.get(item.name)
            if isinstance(given, Literal) and item.generic and given.value is not None:
                self._bind(bound, item, type_of(given.value))
            for link in links_of(given) if given is not None else ():
                brought = self.outputs.get((link.node, link.output), ANY)
                if item.generic:
                    if item.one_of and not any(fits(brought, kind) for kind in item.one_of):
                        yield self._mismatch(spec, item, link, brought, " or ".join(item.one_of))
                    elif not self._bind(bound, item, brought):
                        yield self._mismatch(spec, item, link, brought, bound[item.type])
                elif not fits(brought, item.type):
                    yield self._mismatch(spec, item, link, brought, item.type)
        for output in spec.outputs:
            kind = bound.get(output.type, ANY) if output.generic else output.type
            self.outputs[id_, output.name] = kind

    def _bind(self, bound: dict[str, str], item: InputSpec, brought: str) -> bool:
        if item.one_of and brought not in item.one_of and brought != ANY:
            brought = next((kind for kind in item.one_of if fits(brought, kind)), brought)
        known = bound.get(item.type, ANY)
        if known == ANY or (known, brought) == ("Int", "Float"):
            bound[item.type] = brought
            return True
        return fits(brought, known)

    def _input(
        self, id_: str, spec: NodeSpec, item: InputSpec, given: Input | None
    ) -> Iterator[Problem]:
        if isinstance(given, Literal):
            problem = check_value(given.value, item, spec.title, self._names(), self.suggestions)
            if problem is not None:
                yield problem
        elif given is None or (isinstance(given, Links) and not given.links and item.required):
            if item.required:
                yield self._missing(id_, spec, item)
        elif isinstance(given, Link) and item.many:
            message = f"`{item.name}` of {spec.title} takes a list of wires."
            yield Problem("link.list", message, 'Write {"links": […]}.', None, item.name)
        elif isinstance(given, Links) and not item.many:
            message = f"`{item.name}` of {spec.title} takes one wire only."
            yield Problem("link.many", message, 'Write {"link": […]}.', None, item.name)
        for link in links_of(given) if given is not None else ():
            problem = self._link(spec, item, link)
            if problem is not None:
                yield problem

    def _names(self) -> Choices | None:
        choices = self.choices
        if choices is None:
            return None

        def names(kind: str) -> Collection[str]:
            if kind not in self.folders:
                self.folders[kind] = choices(kind)
            return self.folders[kind]

        return names

    def _missing(self, id_: str, spec: NodeSpec, item: InputSpec) -> Problem:
        reason = self.flat.lost.get((id_, item.name))
        if reason is not None:
            message = f"{spec.title} needs `{item.name}`, but {reason}."
            return Problem("input.muted", message, "Put it back, or wire another.", None, item.name)
        message = f"{spec.title} needs `{item.name}`."
        if not item.socket:
            return Problem("input.missing", message, f"Give {named(item.type)}.", None, item.name)
        giver = self._giver(item.type)
        such = f", such as {giver}" if giver else ""
        hint = f"Wire it to a node that gives {named(ANY if item.generic else item.type)}{such}."
        return Problem("input.missing", message, hint, None, item.name)

    def _giver(self, kind: str) -> str:
        """Name a node that gives values of a type: the usual one, or the one that asks least."""
        wire = self.catalogue.types.get(kind)
        if wire is not None and wire.usual in self.catalogue.specs:
            return wire.usual
        if not self.givers:
            for spec in sorted(self.catalogue.specs.values(), key=lambda spec: len(spec.inputs)):
                for output in spec.outputs:
                    takes = any(item.type == output.type for item in spec.inputs)
                    if not takes and not output.generic:
                        self.givers.setdefault(output.type, spec.id)
        return self.givers.get(kind, "")

    def _link(self, spec: NodeSpec, item: InputSpec, link: Link) -> Problem | None:
        source = self.flat.nodes.get(link.node)
        start = f"`{item.name}` of {spec.title} is wired to"
        known = self.flat.instances.get(link.node) or self.flat.passed.get(link.node)
        if source is None and known is not None:
            return self._no_output(start, link, known, item)
        if source is None:
            near = self.suggestions.near(link.node, self.flat.nodes).strip()
            message = f"{start} `{link.node[:100]}`, which is not there."
            return Problem("link.node", message, near or "Wire it anew.", None, item.name)
        giver = self.catalogue.specs.get(source.type)
        if giver is None or giver.output(link.output) is not None:
            return None
        return self._no_output(start, link, [output.name for output in giver.outputs], item)

    def _no_output(
        self, start: str, link: Link, known: Collection[str], item: InputSpec
    ) -> Problem:
        near = self.suggestions.near(link.output, known).strip()
        listed = ", ".join(f"`{name}`" for name in known)
        message = f"{start} `{link.output[:100]}` of `{link.node}`, which has no such output."
        hint = near or (f"It has {listed}." if listed else "It has none.")
        return Problem("link.output", message, hint, None, item.name)

    def _mismatch(
        self, spec: NodeSpec, item: InputSpec, link: Link, brought: str, wanted: str
    ) -> Problem:
        source = self.flat.nodes[link.node]
        giver = self.catalogue.specs[source.type]
        message = (
            f"`{item.name}` of {spec.title} takes {named(wanted)}, "
            f"but `{link.output}` of {giver.title} is {named(brought)}."
        )
        between = self._between(brought, wanted)
        hint = f"Put {between} between them." if between else "Wire it to another output."
        return Problem("link.type", message, hint, None, item.name, related=(root_of(link.node),))

    def _between(self, brought: str, wanted: str) -> str:
        if (brought, wanted) not in self.bridges:
            self.bridges[brought, wanted] = self._bridge(brought, wanted)
        return self.bridges[brought, wanted]

    def _bridge(self, brought: str, wanted: str) -> str:
        found = [
            (sum(item.required for item in spec.inputs), len(spec.inputs), spec.id)
            for spec in self.catalogue.specs.values()
            if any(item.type == brought and item.required for item in spec.inputs)
            and any(output.type == wanted for output in spec.outputs)
        ]
        return min(found)[2] if found else ""


def _circles(sources: Mapping[str, list[str]], order: list[str]) -> Iterator[Problem]:
    if len(order) == len(sources):
        return
    known = set(order)
    rest = {
        id_: [name for name in names if name not in known]
        for id_, names in sources.items()
        if id_ not in known
    }
    for circle in circles(rest):
        shown = " → ".join(f"`{id_}`" for id_ in [*circle, circle[0]][:12])
        yield Problem(
            "graph.cycle",
            f"The wires run in a circle: {shown}{' …' if len(circle) > 11 else ''}.",
            "Take one of these wires out.",
            root_of(circle[0]),
            related=tuple(dict.fromkeys(root_of(id_) for id_ in circle)),
        )


def _placed(problems: Iterable[Problem], id_: str) -> Iterator[Problem]:
    root, inner = root_of(id_), inner_of(id_)
    for problem in problems:
        if inner:
            message = f"In `{inner}`: {problem.message}"
            yield replace(problem, node=root, input=None, message=message)
        else:
            yield replace(problem, node=root)


def _as_warning(problem: Problem, graph: Graph) -> Problem:
    instance = graph.nodes[problem.node].type.startswith("subgraph:") if problem.node else False
    return problem if instance else replace(problem, severity="warning")
