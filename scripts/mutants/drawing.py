"""Draw a sample of mutants by a seed."""

import ast
import difflib
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

from scripts.mutants.operators import OWN, is_argument_of

# Cosmic Ray's replacements of an operator by its opposite or its neighbor. The others, such as `==`
# by `is`, change nothing or raise a TypeError.
_REPLACED = (
    *("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt"),
    *("Is_IsNot", "IsNot_Is"),
)
_CHOSEN = (
    *(f"ReplaceComparisonOperator_{pair}" for pair in _REPLACED),
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add"),
    *("ReplaceBinaryOperator_Mul_Div", "ReplaceBinaryOperator_BitOr_BitAnd"),
    *("ReplaceBinaryOperator_BitAnd_BitOr", "ReplaceUnaryOperator_Delete_Not"),
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr"),
    *("ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("ExceptionReplacer", "NumberReplacer", "ZeroIterationForLoop"),
)

Node = Any


@dataclass(frozen=True)
class Mutant:
    """A changed copy of the file at `path`. The change begins at `line`, counted from 1."""

    path: str
    line: int
    source: str
    diff: tuple[str, ...]

    @property
    def change(self) -> tuple[str, str]:
        """Return the removed and the added lines, without indentation."""
        lines = [(line[0], line[1:].strip()) for line in self.diff]
        return tuple(" ".join(text for mark, text in lines if mark == m) for m in "-+")  # type: ignore[return-value]


def draw(folders: Sequence[Path], seed: int, count: int) -> list[Mutant]:
    """Return up to `count` mutants, each of another place, in the order of files and lines."""
    chance = random.Random(seed)
    sources = {path: path.read_text() for folder in folders for path in folder.rglob("*.py")}
    places = [
        (path, place, mutations)
        for path, source in sorted(sources.items())
        for place, mutations in sorted(_places(source).items())
    ]
    chance.shuffle(places)
    drawn: list[Mutant] = []
    for path, _, mutations in places:
        if len(drawn) == count:
            break
        operator, occurrence = chance.choice(mutations)
        source = sources[path]
        mutated = _mutated(source, operator, occurrence)
        if mutated is not None and _differs(source, mutated):
            drawn.append(_mutant(str(path), source, mutated))
    return sorted(drawn, key=lambda mutant: (mutant.path, mutant.line))


def _mutated(source: str, operator: Any, occurrence: int) -> str | None:
    """Return the changed source, or None if the operator cannot change it."""
    try:
        return str(mutate_code(source, operator, occurrence))
    except AttributeError:  # Cosmic Ray cannot replace an exception named with its module
        return None


def _places(source: str) -> dict[tuple[int, int], list[tuple[Any, int]]]:
    """Return the possible changes at each position: the operator, and its index in the file."""
    changes = defaultdict(list)
    tree = get_ast(source)
    for operator in (*(get_operator(f"core/{name}")() for name in _CHOSEN), *OWN):
        positions = _positions(tree, operator)
        for occurrence, (node, start) in enumerate(positions):
            if not _is_for_checkers(node):
                changes[start].append((operator, occurrence))
    return changes


def _positions(tree: Node, operator: Any) -> Iterator[tuple[Node, tuple[int, int]]]:
    for node in ast_nodes(tree):
        for start, _ in operator.mutation_positions(node):
            yield node, start


def _is_for_checkers(node: Node) -> bool:
    """Tell whether only linters and type checkers read the node.

    Such nodes are types, the star of a signature, imports for types, and a module's exports.
    """
    while node.parent is not None:
        above = node.parent
        kind, place = above.type, above.children.index(node)
        if kind in ("tfpdef", "decorator") or (kind == "annassign" and place == 1):
            return True
        if kind == "parameters" and node.type == "operator":  # the star before keyword parameters
            return True
        if is_argument_of("TypeVar", node) or is_argument_of("Literal", node):
            return True
        if kind == "funcdef" and above.annotation is node:
            return True
        if kind == "expr_stmt" and above.children[0].get_code().strip() == "__all__":
            return True
        if kind == "if_stmt" and "TYPE_CHECKING" in above.children[1].get_code():
            return True
        node = above
    return False


def _differs(source: str, mutated: str) -> bool:
    try:
        return ast.dump(ast.parse(source)) != ast.dump(ast.parse(mutated))
    except SyntaxError:
        return False


def _mutant(path: str, source: str, mutated: str) -> Mutant:
    lines = list(difflib.unified_diff(source.splitlines(), mutated.splitlines(), n=0, lineterm=""))
    start = int(lines[2].split()[1].removeprefix("-").partition(",")[0])
    return Mutant(path, start, mutated, tuple(lines[3:]))
