"""The demo image: the laptop mesh in a container, reached at the container's address."""

import os

import pytest

from scripts import image as building
from tests.image.conftest import base
from tests.image.running import Engine

TAG = "localhost/traffic-lanes-demo:test"
# Stands for the container's own address: no network here leads to a container.
ADDRESS = "127.0.255.7"
# It waits inside: a program that is started again and again would take what the mesh needs.
ASK = """
import sys, time, urllib.request as http
asked = http.Request(sys.argv[1], headers={"Host": sys.argv[2]})
for _ in range(100):
    try:
        print(http.urlopen(asked).read().decode())
        break
    except http.HTTPError as error:
        print(error.code)
        break
    except OSError:
        time.sleep(0.5)
"""


@pytest.mark.skipif("IMAGE" in os.environ, reason="IMAGE is a service's image")
def test_gateway_and_live_map_answer_at_the_containers_address(engine: Engine) -> None:
    building.build(engine.tool, TAG, base(engine.tool), "demo")
    limits = ("--ulimit=nofile=4096:4096", "--ulimit=nproc=1024:1024")
    closed = ("--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--network=none", *limits)
    container = engine("run", "--detach", *closed, f"--env=ADDRESS={ADDRESS}", TAG).stdout.strip()

    def ask(port: int, host: str) -> str:
        command = ("python", "-c", ASK, f"http://{ADDRESS}:{port}/", host)
        return engine("exec", container, *command).stdout

    try:
        assert "-> mocka(version: v" in ask(8080, "localhost")
        assert "<title>" in ask(8081, "localhost:8081")
        assert ask(8081, "elsewhere.example") == "400\n"
        engine("stop", "--time=20", container)
        code = engine("inspect", "--format={{.State.ExitCode}}", container).stdout.strip()
        assert code == "143", engine("logs", container).stdout
    finally:
        engine("rm", "--force", container)
