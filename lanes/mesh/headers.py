"""Names of headers in manifests, options and rules."""

import re

# The header with the host of a request.
AUTHORITY = ":authority"
# A token, https://www.rfc-editor.org/rfc/rfc9110#name-tokens, without %: Envoy's format strings
# cannot have a % in a header's name.
_TOKEN = re.compile(r"[A-Za-z0-9!#$&'*+.^_`|~-]+")


def is_authority(name: str) -> bool:
    """Tell whether a header is the host of a request: Envoy reads `Host` as `:authority`."""
    return name.lower() in ("host", AUTHORITY)


def matched_name(name: str) -> str:
    """Return the name by which Envoy matches a header: `:authority`, or the name in lower case."""
    return AUTHORITY if is_authority(name) else name.lower()


def is_header_name(name: str) -> bool:
    """Tell whether messages and Envoy's format strings can have a header of this name."""
    return _TOKEN.fullmatch(name) is not None


def header_name(name: str) -> str:
    """Return `name`. Raises ValueError, with a sentence, if it is not a header's name."""
    if not is_header_name(name):
        raise ValueError(
            "is not a header's name, made of letters, digits and !#$&'*+-.^_`|~; % is not supported"
        )
    return name
