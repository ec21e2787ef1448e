"""A release of the chart on the cluster: install, call, verify, load."""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import repeat

from lanes.evidence.steps import Answer
from lanes.planning.entry_rule import EntryRule
from lanes.verification.gateway import Gateway
from lanes.verification.sending import send_each, send_on_schedule
from lanes.verification.targets import Target
from tests.chart.rendering import CHART, SAMPLE_FILE, helm_path
from tests.cluster.kubernetes import (
    LANES,
    Done,
    Json,
    eventually,
    namespace,
    reached,
    run,
)

INGRESS = ("istio-system", "istio-ingressgateway")
# The image, as this cluster's nodes have it or can pull it, and another tag of one to upgrade to.
IMAGE = os.environ.get("IMAGE", "")
NEXT_IMAGE = os.environ.get("NEXT_IMAGE", "")

CLIENTS = 4
_MOST_SECONDS = 240.0
_MOST_WAITING = 256
_SETTLED_SECONDS = 30.0
# A lane with 10% of the requests is missed by all of them once in 10,000 times.
_MEET_EVERY_LANE = 90


@dataclass(frozen=True)
class Release:
    """A release of the chart in a namespace, and its gateway's address.

    `host` is the only host name of its gateway, so that releases on one gateway do not conflict.
    """

    namespace: str
    options: tuple[str, ...]
    url: str
    host: str

    def helm(self, command: str, *options: str, codes: Sequence[int] | None = (0,)) -> Done:
        """Run a helm command for this release."""
        line = (helm_path(), command, "demo", *options, "--namespace", self.namespace)
        return run(*line, codes=codes, seconds=400)

    def upgrade(self, *options: str, codes: Sequence[int] | None = (0,)) -> Done:
        """Run `helm upgrade` with the install's options and `options`; wait for ready pods."""
        return self.helm(
            "upgrade", str(CHART), *self.options, *options, "--wait", "--timeout=5m", codes=codes
        )

    def test(self, codes: Sequence[int] | None = (0,)) -> Done:
        """Run `helm test`; return the output with its pod's logs."""
        return self.helm("test", "--logs", "--timeout=3m", codes=codes)

    def manifests(self) -> str:
        """Return the output of `helm get manifest`."""
        return run(helm_path(), "get", "manifest", "demo", "--namespace", self.namespace).out

    def holds(self) -> None:
        """Fails with the words of `lanes verify` unless lanes hold."""
        require_lanes(self.url, self.manifests(), "--host", self.host)

    @contextmanager
    def load(self, clients: int = CLIENTS, rate: float | None = None) -> Iterator["Load"]:
        """Ask while the block runs, and half a second before and after: `clients` as fast as they
        are answered, or `rate` requests a second whatever the answers do.

        Begins when the proxies know of all pods, which is seconds after `helm --wait` returns.
        """
        gateway = Gateway(self.url, self.host)
        settled(gateway)
        load = Load(gateway, clients, rate=rate)
        try:
            load.go_on(0.5)
            yield load
            load.go_on(0.5)
        finally:
            load.stop()


class Load:
    """Clients that send requests in the background; `way` makes them enter a lane."""

    def __init__(
        self,
        gateway: Gateway,
        clients: int,
        way: EntryRule | None = None,
        rate: float | None = None,
    ) -> None:
        self.answers: list[Answer] = []
        self._stop = threading.Event()
        target = Target("", way or EntryRule())
        args = gateway.client(), repeat(target)
        sent = send_on_schedule(*args, _MOST_WAITING, rate) if rate else send_each(*args, clients)
        self._thread = threading.Thread(target=self._run, args=(sent,))
        self._thread.start()

    def _run(self, asked: Generator[tuple[Target, Answer], None, None]) -> None:
        end = time.monotonic() + _MOST_SECONDS
        for _, answer in asked:
            self.answers.append(answer)
            if self._stop.is_set() or time.monotonic() > end:
                asked.close()
                return

    def go_on(self, seconds: float) -> None:
        """Let the clients go on for a while."""
        assert self._thread.is_alive(), "the clients have ended"
        time.sleep(seconds)

    def stop(self) -> None:
        """End the clients, and print how they fared; all answers are there when this returns."""
        self._stop.set()
        self._thread.join()
        total, late = len(self.answers), self.failed_after(2)
        print(f"{self.lost} of {total} requests failed, {late} of them after two seconds")

    @property
    def lost(self) -> int:
        """Return how many requests failed."""
        return sum(answer.status != 200 for answer in self.answers)

    def failed_after(self, seconds: float) -> int:
        """Return how many requests failed more than this long after the first failure."""
        began = [a.began for a in self.answers if a.status != 200 and a.began is not None]
        return sum(one - min(began) > seconds for one in began)

    @property
    def misrouted(self) -> int:
        """Return how many requests were misrouted, or lost their lane.

        The lane's version and the baseline of the sample are right.
        """
        return sum(
            step.version not in (answer.lane, "v1") or step.lane != answer.lane
            for answer in self.answers
            for step in answer.path
            if step.version
        )

    def failed(self) -> list[str]:
        """Return the failed answers with their counts."""
        said = (f"{a.status} {a.text[:300]}" for a in self.answers if a.status != 200)
        counted = Counter(said)
        return [f"{n} of {len(self.answers)}: {said}" for said, n in counted.most_common()]


def settled(gateway: Gateway) -> None:
    """Wait until the proxies know of all pods: each of as many requests as meet every lane is
    answered with 200.
    """
    client = gateway.client()
    eventually(
        lambda: all(client.send().status == 200 for _ in range(_MEET_EVERY_LANE)), _SETTLED_SECONDS
    )


def require_lanes(url: str, manifests: str, *options: str) -> None:
    """Fails with the words of `lanes verify` unless lanes hold, soon.

    Proxies learn of what is new within seconds, more on a busy machine; and a sound split is called
    off once in 1,000 runs. So they are verified again, for a while.
    """
    line = (LANES, "verify", url, *options, "--manifests=-", "--format=json")
    end = time.monotonic() + _SETTLED_SECONDS
    while True:
        verdict: Json = json.loads(run(*line, given=manifests, codes=(0, 1)).out)
        if verdict["ok"] or time.monotonic() > end:
            break
    assert verdict["ok"], json.dumps(verdict, indent=2)


@contextmanager
def release(name: str, *options: str, **labels: str) -> Iterator[Release]:
    """Install a release in its own namespace with its own host."""
    with ExitStack() as stack:
        where = stack.enter_context(namespace(name, **labels))
        yield stack.enter_context(installed(where, *options))


@contextmanager
def installed(where: str, *options: str, gateway: tuple[str, str] = INGRESS) -> Iterator[Release]:
    """Install a release in the namespace `where`, reached by a `gateway`'s namespace and Service.

    It is uninstalled when the block ends.
    """
    host = f"{where}.example.com"
    # A single value of a service of the sample needs the sample beside it; a file brings its own.
    own = any(option.startswith("--values=") for option in options)
    chosen = (
        *(() if own else (f"--values={SAMPLE_FILE}",)),
        "--set",
        "mesh.provider=istio",
        "--set",
        f"gateway.hosts={{{host}}}",
        *image(),
        *options,
    )
    done = Release(where, chosen, "", host)
    eventually(istiod_answers, 180)  # a test before this one may have moved it
    done.helm("install", str(CHART), *chosen, "--wait", "--timeout=5m")
    try:
        with reached(*gateway) as (address, port):
            yield Release(where, chosen, f"http://{address}:{port}/", host)
    finally:
        done.helm("uninstall", "--wait", "--timeout=2m", "--ignore-not-found")


def istiod_answers() -> bool:
    """Tell whether the API server reaches istiod's webhook, which every install needs."""
    resource = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Sidecar",
        "metadata": {"name": "probe", "namespace": "default"},
        "spec": {"egress": [{"hosts": ["./*"]}]},
    }
    line = ("kubectl", "create", "--dry-run=server", "--filename=-")
    return run(*line, given=json.dumps(resource), codes=None).code == 0


def image(reference: str = IMAGE) -> tuple[str, ...]:
    """Return Helm's options for an image; without one, none."""
    if not reference:
        return ()
    repository, _, tag = reference.rpartition(":")
    return ("--set", f"defaults.image.repository={repository},defaults.image.tag={tag}")
