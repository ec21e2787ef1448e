"""A `curl` command to copy, for a request that an entry rule matches."""

import shlex

from lanes.planning.entry_rule import EntryRule
from lanes.verification.gateway import Gateway

_METHODS = {None: (), "GET": (), "HEAD": ("--head",)}


def curl(gateway: Gateway, rule: EntryRule) -> str:
    """Return the `curl` command of a request that `rule` matches; "" if it is not printable.

    curl sends a header without a value if a semicolon ends it:
    https://curl.se/docs/manpage.html#-H
    """
    method = _METHODS.get(rule.method, ("-X", str(rule.method)))
    host = rule.host or gateway.host
    headers = [
        *([f"Host: {host}"] if host else []),
        *(
            f"{name}: {value}" if value else f"{name};"
            for name, value in {**gateway.headers, **rule.headers}.items()
        ),
    ]
    url = gateway.parts
    target = f"{url.scheme}://{url.authority}{url.target(rule.path)}"
    command = ["curl", *method, *(part for header in headers for part in ("-H", header)), target]
    return shlex.join(command) if "".join(command).isprintable() else ""
