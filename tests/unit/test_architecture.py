"""Imports follow the table in docs/architecture.md."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def files(*folders: str) -> Iterator[tuple[str, Path]]:
    """Yield each Python file in these folders by its module's name."""
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        *packages, last = file.relative_to(ROOT).with_suffix("").parts
        yield ".".join(packages if last == "__init__" else (*packages, last)), file


MODULES = dict(files("lanes", "services"))


def imported(file: Path) -> set[str]:
    """Return this repository's modules that a file imports, at any place in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{name.name}" for name in node.names}
            found |= (inner & MODULES.keys()) or {node.module}
    return found & MODULES.keys()


IMPORTS = {module: imported(file) for module, file in MODULES.items()}


def allowed() -> dict[str, set[str]]:
    """Return the page's table: the packages that each package may import."""
    section = PAGE.partition("## What may import what")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|(.*) \|$", section, flags=re.MULTILINE)
    table = {
        name: set(re.findall(r"`(\w+)`", others))
        for names, others in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    return table | {"cli": table.keys() - {"cli"}, "__main__": {"cli"}}


def package(module: str) -> str:
    return module.split(".")[1]


def test_no_module_is_in_a_cycle_and_neither_is_a_package() -> None:
    TopologicalSorter(IMPORTS).prepare()
    TopologicalSorter(allowed()).prepare()


@pytest.mark.parametrize("name", sorted({package(m) for m in MODULES if m.startswith("lanes.")}))
def test_a_package_imports_those_of_its_row_alone(name: str) -> None:
    found = {
        package(other)
        for module, others in IMPORTS.items()
        if module.startswith(f"lanes.{name}.") or module == f"lanes.{name}"
        for other in others
        if "." in other
    }
    assert found <= allowed()[name] | {name}


def test_services_and_lanes_do_not_import_each_other() -> None:
    for module, others in IMPORTS.items():
        top = module.partition(".")[0]
        assert all(other.partition(".")[0] == top for other in others), module


def test_files_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`([\w/.-]+\.(?:py|yaml|json|jinja))`", PAGE))
    folders = ("helm", "lanes", "scripts", "services", "tests")
    held = [
        f"/{path.relative_to(ROOT).as_posix()}"
        for folder in folders
        for path in (ROOT / folder).rglob("*.*")
    ]
    assert {name for name in named if not any(one.endswith(f"/{name}") for one in held)} == set()
