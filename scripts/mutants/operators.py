"""Mutation operators in addition to Cosmic Ray's, in the form that its documentation describes.

Cosmic Ray replaces operators and numbers. These make this project's likely mistakes: the precedence
of two values, the entries of a configuration, the items that a filter leaves out.
"""

import re
from collections.abc import Iterator
from typing import Any

import parso

Node = Any
Position = tuple[tuple[int, int], tuple[int, int]]

_WORD = re.compile(r"""(["'])[\w./:*@-]+\1""")
_TRUTHS = {"comparison", "not_test"}
_CONDITIONS = ("if_stmt", "while_stmt", "assert_stmt", "comp_if", "not_test", "and_test")
# Swapped arguments of these functions change nothing, or fail every test.
_TRIVIAL = ("min", "max", "map", "filter", "isinstance", "getattr")
_SWAPPED_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_SWAPPED_NAMES |= {"startswith": "endswith", "endswith": "startswith"}


def _span(node: Node) -> Position:
    return node.start_pos, node.end_pos


def _code(text: str) -> Node:
    return parso.parse(text)


def _body(node: Node) -> str:
    """Return the node's code without its prefix."""
    return str(node.get_code(include_prefix=False))


def _prefix(node: Node) -> str:
    return str(node.get_first_leaf().prefix)


def _items(node: Node) -> list[list[Node]]:
    """Return the parts of a node between its commas."""
    items: list[list[Node]] = [[]]
    for child in node.children:
        if child.type == "operator" and child.value == ",":
            items.append([])
        else:
            items[-1].append(child)
    return [item for item in items if item]


def _joined(items: list[list[Node]]) -> str:
    return ",".join("".join(part.get_code() for part in item) for item in items)


def is_argument_of(name: str, node: Node) -> bool:
    """Tell whether the node is the whole argument list of a call of `name`."""
    above = node.parent
    return above.type == "trailer" and _body(above.parent.children[0]) == name


def _is_returned_as_bool(node: Node) -> bool:
    """Tell whether the node is the whole return value of a function that returns bool."""
    above = node.parent
    while above.type == "atom" and _body(above).startswith("("):
        above = above.parent
    function = above.search_ancestor("funcdef") if above.type == "return_stmt" else None
    return bool(function and function.annotation and _body(function.annotation) == "bool")


class SwapOperands:
    """`a or b` to `b or a`, unless only its truth counts."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        kinds = {child.type for child in node.children} if node.type == "or_test" else set()
        if not kinds or kinds & _TRUTHS or node.parent.type in _CONDITIONS:
            return
        if not (is_argument_of("bool", node) or _is_returned_as_bool(node)):
            yield _span(node)

    def mutate(self, node: Node, index: int) -> Node:
        del index
        first, word, second, *rest = node.children
        more = "".join(child.get_code() for child in rest)
        return _code(f"{_prefix(node)}{_body(second)} {word.value} {_body(first)}{more}")


class SwapArms:
    """`a if c else b` to `b if c else a`."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        if node.type == "test":
            yield _span(node)

    def mutate(self, node: Node, index: int) -> Node:
        del index
        one, _, condition, _, other = node.children
        return _code(f"{_prefix(node)}{_body(other)} if {_body(condition)} else {_body(one)}")


class DropFilter:
    """`[x for x in xs if c]` to `[x for x in xs]`."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        if node.type == "comp_if":
            yield _span(node)

    def mutate(self, node: Node, index: int) -> Node:
        del node, index


class DropItem:
    """Drop one keyword argument of a call, or one entry of a dict."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        for item in self._droppable(node):
            yield _span(item[0])

    def mutate(self, node: Node, index: int) -> Node:
        dropped = list(self._droppable(node))[index]
        left = [item for item in _items(node) if item[0] is not dropped[0]]
        return _code(_joined(left)) if left else None

    def _droppable(self, node: Node) -> Iterator[list[Node]]:
        if node.type == "dictorsetmaker":
            yield from (item for item in _items(node) if len(item) > 1)
        elif node.type == "arglist":
            yield from (item for item in _items(node) if _is_keyword(item[0]))


def _is_keyword(node: Node) -> bool:
    return bool(node.type == "argument" and _body(node.children[1]) == "=")


class SwapArguments:
    """`f(a, b)` to `f(b, a)`."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        if node.type == "arglist" and len(items := _items(node)) == 2:
            called = node.parent.parent.children[0]
            plain = all(item[0].type != "argument" for item in items)
            if plain and _body(called) not in _TRIVIAL:
                yield _span(node)

    def mutate(self, node: Node, index: int) -> Node:
        del index
        (first,), (second,) = _items(node)
        return _code(f"{_prefix(node)}{_body(second)}, {_body(first)}")


class SwapName:
    """`min` to `max`, `any` to `all`, `startswith` to `endswith`, and back."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        if node.type == "name" and node.value in _SWAPPED_NAMES:
            yield _span(node)

    def mutate(self, node: Node, index: int) -> Node:
        del index
        return _code(_prefix(node) + _SWAPPED_NAMES[node.value])


class NegateIn:
    """`a in b` to `a not in b`, and back."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        if node.type == "comparison" and _body(node.children[1]) in ("in", "not in"):
            yield _span(node)

    def mutate(self, node: Node, index: int) -> Node:
        del index
        one, word, *more = node.children
        negated = "in" if _body(word) == "not in" else "not in"
        rest = "".join(child.get_code() for child in more)
        return _code(f"{_prefix(node)}{_body(one)} {negated}{rest}")


class DropStatement:
    """A call for its effect, or a `raise`, to `pass`."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        called = node.type == "atom_expr" and _body(node.children[-1]).endswith(")")
        if (called and node.parent.type == "simple_stmt") or node.type == "raise_stmt":
            yield _span(node)

    def mutate(self, node: Node, index: int) -> Node:
        del index
        return _code(f"{node.get_first_leaf().prefix}pass")


class ReplaceWord:
    """A string of one word, such as a field's name, to another; sentences stay."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        if node.type == "string" and _WORD.fullmatch(node.value):
            yield _span(node)

    def mutate(self, node: Node, index: int) -> Node:
        del index
        return _code(f"{_prefix(node)}{node.value[:-1]}XX{node.value[-1]}")


OWN = (
    SwapOperands(),
    SwapArms(),
    DropFilter(),
    DropItem(),
    SwapArguments(),
    SwapName(),
    NegateIn(),
    DropStatement(),
    ReplaceWord(),
)
