"""The order of a graph's nodes, and the circles that keep it from having one."""

from collections import deque
from collections.abc import Iterable, Mapping

from server.engine.graph import Input, Link, Links, Node

EFFORT = 2_000_000


def links_of(item: Input) -> tuple[Link, ...]:
    """Give the wires of an input."""
    if isinstance(item, Link):
        return (item,)
    return item.links if isinstance(item, Links) else ()


def sources_of(nodes: Mapping[str, Node]) -> dict[str, list[str]]:
    """Give for each node those that it is wired to, without the ones that are not there."""
    return {
        id_: [
            link.node
            for item in node.inputs.values()
            for link in links_of(item)
            if link.node in nodes
        ]
        for id_, node in nodes.items()
    }


def topological(sources: Mapping[str, list[str]]) -> list[str]:
    """Order the nodes so that each comes after its sources; those in or after circles are left out.

    Of the orders that there are it is the one that finishes one branch before it starts another,
    so that few values are alive at a time.
    """
    done: set[str] = set()
    order: list[str] = []
    state: dict[str, int] = {}
    for start in sources:
        stack = [start]
        while stack:
            id_ = stack[-1]
            index = state.get(id_, 0)
            if index < len(sources[id_]):
                state[id_] = index + 1
                if sources[id_][index] not in state:
                    stack.append(sources[id_][index])
                continue
            stack.pop()
            if id_ not in done and all(source in done for source in sources[id_]):
                done.add(id_)
                order.append(id_)
    return order


def circles(sources: Mapping[str, list[str]]) -> list[list[str]]:
    """Find for each tangle of circles its shortest, as nodes in the direction of the wires."""
    # Loaded here, since a graph without circles, which is nearly every one, does not need it.
    import networkx

    graph = networkx.DiGraph()
    for id_, names in sources.items():
        graph.add_edges_from((name, id_) for name in names)
    found: list[list[str]] = []
    for part in networkx.strongly_connected_components(graph):
        inside = {name: [to for to in graph[name] if to in part] for name in sorted(part)}
        if any(inside.values()):
            found.append(_shortest(inside))
    return sorted(found)


def _shortest(following: Mapping[str, list[str]]) -> list[str]:
    best: list[str] = []
    # Every start is tried where the tangle is small; a large one is shown by a circle, if not
    # by its very shortest.
    size = sum(len(names) for names in following.values())
    for start in list(following)[: max(1, EFFORT // size)]:
        circle = _through(following, start, len(best) or len(following) + 1)
        if circle and (not best or len(circle) < len(best)):
            best = circle
    return best


def _through(following: Mapping[str, list[str]], start: str, limit: int) -> list[str]:
    before: dict[str, str] = {}
    pending = deque([(start, 1)])
    while pending:
        at, length = pending.popleft()
        if length > limit:
            return []
        for name in following[at]:
            if name == start:
                circle = [at]
                while circle[-1] != start:
                    circle.append(before[circle[-1]])
                return circle[::-1]
            if name not in before:
                before[name] = at
                pending.append((name, length + 1))
    return []


def needed(sources: Mapping[str, list[str]], targets: Iterable[str]) -> set[str]:
    """Find the targets and all that they are made from."""
    found: set[str] = set()
    pending = [target for target in targets if target in sources]
    while pending:
        id_ = pending.pop()
        if id_ not in found:
            found.add(id_)
            pending.extend(sources[id_])
    return found
