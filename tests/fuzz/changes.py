"""The fuzzer's changes of manifests: values are dropped, doubled, swapped and replaced."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

from tests.kube import Document

_Place = tuple[Any, Any]
"""A mapping or list, and the key or number of a value in it."""

# Values that are wrong in most fields, rare, or special.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, -5, 33.3, 0.5, 80, 443, 8000, 65535, 65536, 2**31, 2**64, 1e300),
    *("", " ", "-", ".", "..", "/", "*", "=", "<<", "~", "0", "5", "-1", "1e3", "%", "%%", "%X%"),
    *("$", "$$", "$(A)", "${A}", "{{ .x }}", "\0", "\n", "\x1b[31m", "\u202e", "\U0001f600", "é"),
    *("a.b", "a.b.svc.cluster.local", ".a", "a.", "a..b", "*.a", "*a", "a/b", "/a", "a/", "./a"),
    *("mesh", "default", "v1", "http", "tcp-x", "HTTP", "HTTPS", "TLS", "None", "ExternalName"),
    *("a" * 300, "a." * 200, "(", "[", "(?=a)", "a{1000}{1000}", ".*", "^$", "(?i)a", "\\", "\\1"),
    *("1s", "0s", "1h1m", "-1s", "1.5", "GET", "get", "5xx", "version", "baggage", "x-lane"),
    *([], {}, [None], [[]], [{}], {"": ""}, {"a": None}, [""], ["*"], {"exact": "v1"}),
    *({"regex": "("}, {"prefix": ""}, {"number": 80}, {"a": {"b": [1]}}, [1, "a", {}], {"*": "*"}),
)


def changed(documents: list[Document], random: Random) -> list[Any]:
    """Return a copy of `documents` with one to eight changes, most often one or two."""
    several: list[Any] = deepcopy(documents)
    for _ in range(min(8, 1 + int(random.expovariate(1)))):
        places = list(_places(several))
        if places:
            random.choices(_CHANGES, _WEIGHTS)[0](several, places, random)
    return several


def _places(value: Any) -> Iterator[_Place]:
    """Yield the place of every value below `value`."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def _drop(_: list[Any], places: list[_Place], random: Random) -> None:
    holder, key = random.choice(places)
    del holder[key]


def _double(_: list[Any], places: list[_Place], random: Random) -> None:
    holder, key = random.choice(places)
    if isinstance(holder, list):
        holder.insert(random.randint(0, len(holder)), deepcopy(holder[key]))
    else:
        holder[f"{key}{random.choice('_2s.')}"] = deepcopy(holder[key])


def _swap(_: list[Any], places: list[_Place], random: Random) -> None:
    (first, key), (second, other) = random.choice(places), random.choice(places)
    # Copies, or a value could contain itself.
    first[key], second[other] = deepcopy(second[other]), deepcopy(first[key])


def _mistype(_: list[Any], places: list[_Place], random: Random) -> None:
    holder, key = random.choice(places)
    value = holder[key]
    forms: tuple[Callable[[], Any], ...] = (
        lambda: [value],
        lambda: {"a": value},
        lambda: str(value),
        lambda: value[0] if isinstance(value, list) and value else [],
        lambda: deepcopy(random.choice(ODD)),
        lambda: deepcopy(random.choice([odd for odd in ODD if type(odd) is type(value)] or ODD)),
    )
    holder[key] = random.choices(forms, (1, 1, 1, 1, 3, 6))[0]()


def _same(_: list[Any], places: list[_Place], random: Random) -> None:
    """Replace one string by another of the set, so that names refer to each other."""
    strings = [place for place in places if isinstance(place[0][place[1]], str)]
    if strings:
        (holder, key), (other, name) = random.choice(strings), random.choice(strings)
        holder[key] = other[name]


def _alike(_: list[Any], places: list[_Place], random: Random) -> None:
    """Replace one value by another of the same field, so that the set stays valid."""
    holder, key = random.choice(places)
    others = [place for place in places if place[1] == key]
    other, name = random.choice(others)
    holder[key] = deepcopy(other[name])


def _rename(_: list[Any], places: list[_Place], random: Random) -> None:
    keyed = [place for place in places if isinstance(place[0], dict)]
    if keyed:
        (holder, key), (_, name) = random.choice(keyed), random.choice(keyed)
        holder[name] = holder.pop(key)


def _empty(_: list[Any], places: list[_Place], random: Random) -> None:
    """Empty every list, mapping and value of one name."""
    _, name = random.choice(places)
    for holder, key in places:
        if key == name and key in (holder if isinstance(holder, dict) else ()):
            holder[key] = type(holder[key])() if isinstance(holder[key], (list, dict)) else ""


def _copy(documents: list[Any], _: list[_Place], random: Random) -> None:
    """Copy a document, with another name or the same."""
    copy = deepcopy(random.choice(documents))
    if isinstance(copy, dict) and isinstance(copy.get("metadata"), dict) and random.random() < 0.7:
        copy["metadata"]["name"] = random.choice(["other", "a.b", "1", 7, "zz"])
    documents.insert(random.randint(0, len(documents)), copy)


_CHANGES = (_drop, _double, _swap, _mistype, _same, _alike, _rename, _empty, _copy)
_WEIGHTS = (3, 3, 1, 5, 2, 6, 1, 1, 2)


def spoiled(text: str, random: Random) -> str:
    """Return `text` with a line, or some characters, dropped, doubled or moved."""
    lines = text.split("\n")
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(lines))
        line = lines[at]
        cut = random.randint(0, len(line))
        odd = random.choice("\t\0\x85\ufeff{}[]:,&*!|>'\"%@`#-?=<~ \u2028" + "\ud7ff\U0001f600")
        forms: tuple[list[str], ...] = (
            [],
            [line, line],
            [line[:cut]],
            [line[:cut] + odd + line[cut:]],
            [line, random.choice(lines)],
            [" " * random.randint(0, 60) + line.lstrip()],
        )
        lines[at : at + 1] = random.choice(forms) or [""]
    return "\n".join(lines)
