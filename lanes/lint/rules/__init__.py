"""Every rule, in the order of their codes: one file each, and nothing else knows of it.

A new rule is a file here with a `RULE`; docs/lint.md and the tests find it by itself.
"""

from importlib import import_module
from pkgutil import iter_modules

from lanes.lint.rule import Rule


def _found() -> tuple[Rule, ...]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    rules: list[Rule] = [module.RULE for module in modules]
    return tuple(sorted(rules, key=lambda rule: rule.code))


RULES = _found()
