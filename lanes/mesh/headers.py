"""Names of headers: what a manifest, an option or a rule may call one."""

import re

# The header that holds the host which a request names.
AUTHORITY = ":authority"
# The characters of a token, https://www.rfc-editor.org/rfc/rfc9110#name-tokens, but for %: Envoy's
# format strings have no way to hold one in a header's name, and nobody has such a name.
_TOKEN = re.compile(r"[A-Za-z0-9!#$&'*+.^_`|~-]+")


def is_authority(name: str) -> bool:
    """Whether a header is the host that a request names: Envoy takes `Host` for `:authority`."""
    return name.lower() in ("host", AUTHORITY)


def matched_name(name: str) -> str:
    """The name by which Envoy matches a header: of the host `:authority`, else in lower case."""
    return AUTHORITY if is_authority(name) else name.lower()


def is_header_name(name: str) -> bool:
    """Whether a header can have this name, in a message and in an Envoy format string."""
    return _TOKEN.fullmatch(name) is not None


def header_name(name: str) -> str:
    """`name`, as it is. Raises ValueError with a sentence for what no header is called."""
    if not is_header_name(name):
        raise ValueError(
            "is not a header's name, made of letters, digits and !#$&'*+-.^_`|~; % is not supported"
        )
    return name
