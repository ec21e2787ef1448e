"""A stranger's strings, wherever a manifest has them, are data in all that `up` makes of it."""

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from lanes.envoy import Json
from lanes.envoy.lua import SCRIPTS
from lanes.errors import LanesError
from lanes.mesh.model import Mesh
from lanes.page.tap import Split, tags_of, tapped
from lanes.planning.plan import plan
from lanes.reading import kinds
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.command import command_environment
from lanes.running.sample import INHERITED, pod_environment
from lanes.running.standins import stand_ins
from lanes.running.variables import SAMPLE, refused
from tests import poisoned
from tests.unit.lanes.reading import addresses_of, config_of

SEED = int(os.environ.get("SEED") or 1)
SETS = int(os.environ.get("SETS") or 600)
# What a string of a manifest may be in Envoy's configuration, as the last two names of its path.
DATA = re.compile(
    r"(\.domains|\.name|\.cluster_name|\.prefix|\.path|\.path_separated_prefix|\.regex"
    r"|string_match\.(exact|prefix)|header\.key|header\.value|headers_to_remove|health_check\.path"
    r"|host_rewrite_literal|(host|scheme|path)_redirect|prefix_rewrite|regex_rewrite\.substitution"
    r"|request_mirror_policies\.cluster|cors\.(allow_methods|allow_headers|expose_headers)"
    r"|direct_response\.body\.inline_string|filter_context\.(headers|prefixes)|\.retry_on|log_format\.json_format\.tags\.[^.]*)"
)
# What Envoy fills in: of a request, its connections, the time and where it went.
OPERATORS = re.compile(
    r"REQ|RESP|START_TIME|PROTOCOL|ROUTE_NAME|BYTES_\w+|DURATION|COMMON_DURATION|RESPONSE_\w+"
    r"|REQUESTED_SERVER_NAME|UPSTREAM_(HOST|CLUSTER|CLUSTER_RAW)|STREAM_ID|CONNECTION_ID"
    r"|TRACE_ID|GRPC_STATUS_NUMBER"
    r"|(DOWNSTREAM|UPSTREAM)(_DIRECT)?_(REMOTE|LOCAL)_(ADDRESS|ADDRESS_WITHOUT_PORT|PORT)"
)
OURS = re.compile(r"OTEL_(PROPAGATORS|PYTHON_DISABLED_INSTRUMENTATIONS|\w+_EXPORTER)|https?_proxy")


def leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a configuration, with its path; a key is one, too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.", key
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    elif isinstance(value, str):
        yield path, value


def require_data(mesh: Mesh, config: Json) -> None:
    """Nothing that Envoy runs, opens, listens on or connects to is made of a manifest's strings."""
    here = {*addresses_of(mesh).values(), "127.0.0.1"}
    for path, text in leaves(config):
        if path.endswith("default_source_code.inline_string"):
            assert text in SCRIPTS.values()
        elif path.endswith("socket_address.address"):
            assert text in here
        elif poisoned.MARK in text and not path.endswith("json_format.tags."):
            assert DATA.search(path), (path, text)
        if re.search(r"header\.value$|json_format|text_format", path):
            for part in re.findall(r"%([^%(]*)(?:\([^)]*\))?(?::\w+)?%", text.replace("%%", "")):
                assert OPERATORS.fullmatch(part), (path, text)
        if re.search(r"header\.key$|filter_context\.\w+$|headers_to_remove$", path):
            assert re.fullmatch(r"[a-z0-9!#$&'*+.^_`|~-]+", text), (path, text)


def require_allowed(mesh: Mesh) -> None:
    """No process gets a variable that it would run."""
    for pod in mesh.pods:
        names = pod_environment(pod, "127.0.9.1").keys()
        assert all(n in SAMPLE or n in INHERITED or OURS.fullmatch(n) for n in names), names
        env = command_environment(mesh, pod, "127.0.9.1", 1, {})
        terminal = {name for name in env if env[name] == os.environ.get(name)}
        mesh_own = {"http_proxy", "no_proxy"}
        assert not [n for n in env.keys() - terminal - mesh_own if refused(n, env[n])]


def made_of(file: str) -> Mesh | None:
    """The mesh of a file, if nothing refuses it."""
    try:
        mesh = resolve(read([file], strict=False), strict=False)
        planned = plan(mesh)
        config = config_of(mesh)
        require_allowed(mesh)
        config = tapped(config, tags_of(planned), "/dev/fd/9", Path("/somewhere"))
        split = Split(mesh, planned)
        require_data(mesh, config | {"routes": split.routes(split.weights)})
        stand_ins(mesh)
    except LanesError:
        return None
    return mesh


def test_the_walk_passes_every_field_of_every_kind() -> None:
    known = {field for model in kinds.KNOWN.values() for field in poisoned.fields(model)}
    walked = {
        change.field
        for base in poisoned.bases()
        for document in base
        for change in poisoned.changes(document, "x")
    }
    assert known - walked == set()


def test_what_is_not_poisoned_is_taken(tmp_path: Path) -> None:
    for base in poisoned.bases()[:-1]:
        assert made_of(poisoned.write(tmp_path, base))


def test_a_strangers_strings_are_data(tmp_path: Path) -> None:
    taken = 0
    for documents in islice(poisoned.sets(Random(SEED), tmp_path, poisoned.bases()), SETS):
        taken += made_of(poisoned.write(tmp_path, documents)) is not None
    print(f"seed {SEED}: {SETS} sets, {taken} of them taken, the others refused by a sentence")
    assert taken > SETS / 10
