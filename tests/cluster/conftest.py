"""These tests need a cluster with Istio that may be changed.

`make test-cluster CLUSTER=NAME` names its kubeconfig context, so that no other cluster is used by
accident. Without CLUSTER the tests are skipped.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.kubernetes import remove_namespaces, run
from tests.cluster.release import Release, release

CLUSTER = os.environ.get("CLUSTER", "")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CLUSTER:
        return
    skip = pytest.mark.skip(reason="no cluster: make test-cluster CLUSTER=CONTEXT names one")
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def only_the_cluster_that_was_named() -> Iterator[None]:
    """Ends all tests on any other cluster; and nothing of theirs is left on this one."""
    current = run("kubectl", "config", "current-context", codes=None).out.strip()
    if current != CLUSTER:
        told = f"the current context is {current or 'none'}"
        pytest.exit(f"CLUSTER={CLUSTER}, but {told}: nothing was touched", returncode=2)
    remove_namespaces()
    yield
    remove_namespaces()


@pytest.fixture(scope="module")
def demo() -> Iterator[Release]:
    """Install the sample with the default values."""
    with release("demo") as installed:
        yield installed
