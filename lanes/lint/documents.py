"""From files to resources with lines: whatever anybody wrote, as long as it is YAML."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lanes.errors import LanesError
from lanes.lint.value import Value
from lanes.reading.documents import nodes
from lanes.reading.files import texts


@dataclass(frozen=True)
class Resource:
    """A Kubernetes resource and the file that it was read from."""

    file: str
    body: Value

    @cached_property
    def kind(self) -> str:
        return self.body["kind"].text

    @cached_property
    def group(self) -> str:
        """The API group: "" for core kinds."""
        return self.body["apiVersion"].text.rpartition("/")[0]

    @cached_property
    def name(self) -> str:
        return self.body["metadata"]["name"].text

    @cached_property
    def declared(self) -> str:
        """The namespace that it names; "" where it goes to the one that it is applied to."""
        return self.body["metadata"]["namespace"].text

    @cached_property
    def namespace(self) -> str:
        return self.declared or "default"

    @cached_property
    def spec(self) -> Value:
        return self.body["spec"]

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What a cluster tells it from others by."""
        return self.group, self.kind, self.namespace, self.name

    @cached_property
    def contents(self) -> int:
        """A number that it shares with those that say the same."""
        parts = ((k, v.digest) for k, v in self.body.items() if k not in ("apiVersion", "status"))
        return hash(frozenset(parts))

    def __str__(self) -> str:
        return f"{self.kind} {self.name or '?'}"


@dataclass(frozen=True)
class Read:
    """The resources of the manifests; what could not be read, as sentences."""

    resources: tuple[Resource, ...]
    unread: tuple[str, ...]


def read(paths: Iterable[str]) -> Read:
    """Every resource under `paths`, and why some could not be read.

    Raises LanesError where a path is not there or holds no resource.
    """
    paths = tuple(dict.fromkeys(paths))
    resources: list[Resource] = []
    unread: list[str] = []
    for file, text, _ in texts(paths):
        try:
            resources += _resources(file, text)
        except LanesError as error:
            unread.append(str(error))
    if not resources and not unread:
        raise LanesError(f"{' '.join(paths)}: no manifests there; name files or directories")
    return Read(tuple(resources), tuple(unread))


def _resources(file: str, text: str) -> Iterator[Resource]:
    """The resources of one file. A document that is none, such as Helm's values, is passed over."""
    for node in list(nodes(file, text)):
        root = Value(node, "", node.start_mark.line + 1)
        if root["kind"].text.endswith("List") and root["items"]:
            for item in root["items"]:
                yield from _resource(file, Value(item.node, "", item.line))
        else:
            yield from _resource(file, root)


def _resource(file: str, body: Value) -> Iterator[Resource]:
    if body["kind"].text and body["apiVersion"].text:
        yield Resource(file, body)
