"""Types and values of YAML scalars without quotes, as kubectl reads them.

kubectl converts YAML to JSON with sigs.k8s.io/yaml, which resolves scalars as
https://github.com/yaml/go-yaml/blob/v2/resolve.go does.
"""

import math
import re
from types import MappingProxyType
from typing import Any

STRING, NULL, BOOL, INT, FLOAT, MERGE = (
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "null", "bool", "int", "float", "merge")
)
LONGEST_NUMBER = 30
_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_INFINITE = tuple(f"{sign}{text}" for sign in ("", "+", "-") for text in (".inf", ".Inf", ".INF"))
_CONSTANTS = MappingProxyType(
    {
        **dict.fromkeys(_TRUE, (BOOL, True)),
        **dict.fromkeys(_FALSE, (BOOL, False)),
        **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
        **dict.fromkeys((*_INFINITE, ".nan", ".NaN", ".NAN"), (FLOAT, math.nan)),
        "<<": (MERGE, "<<"),
    }
)
_NUMERIC = frozenset("+-.0123456789")
_WHOLE = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII
)
_BASES = (16, 2, 8, 10)
_REAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve_scalar(text: str) -> tuple[str, Any]:
    """Return a scalar's tag and value; NaN: a number that is too long or that JSON lacks."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in _NUMERIC:
        digits = text if text[0] == "." else text.replace("_", "")
        if whole := _WHOLE.fullmatch(digits):
            return _integer(whole)
        if _REAL.fullmatch(digits) and not math.isinf(value := float(digits)):
            return FLOAT, value
    return STRING, text


def _integer(whole: re.Match[str]) -> tuple[str, Any]:
    sign, *written = whole.groups()
    number, base = next((n, b) for n, b in zip(written, _BASES, strict=True) if n)
    if len(number) > LONGEST_NUMBER:
        return FLOAT, math.nan
    value = int(f"{sign}{number}", base)
    return (INT, value) if -(2**63) <= value < 2**64 else (FLOAT, float(value))
