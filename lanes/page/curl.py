"""A request that an entry rule matches, as a command to copy."""

import shlex

from lanes.planning.entry_rule import EntryRule
from lanes.verification.gateway import Gateway

_METHODS = {None: (), "GET": (), "HEAD": ("--head",)}


def curl(gateway: Gateway, rule: EntryRule) -> str:
    """The `curl` command of a request that `rule` matches; "" where it would not print.

    A header without a value ends with a semicolon: https://curl.se/docs/manpage.html#-H
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
    command = ["curl", *method, *(part for one in headers for part in ("-H", one)), target]
    return shlex.join(command) if "".join(command).isprintable() else ""
