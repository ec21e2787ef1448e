"""Make text from outside safe to print: no terminal commands, no characters that mislead."""

import re
from urllib.parse import urlsplit

# Characters of an answer that are shown: enough for a chain of some ten services.
_MOST_SHOWN = 600


def printable(text: str) -> str:
    r"""Return `text` on one line, with each unprintable character escaped.

    Unprintable are control, format, surrogate and unassigned characters of Unicode, and separators
    other than a blank (see `str.isprintable`). They include line breaks, escape sequences of
    terminals, changes of text direction, and characters without width.

    >>> printable("v1\x1b[2J")
    'v1\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def printable_lines(text: str) -> str:
    """Return the text with each line printable. Its line breaks stay."""
    return "\n".join(map(printable, text.split("\n")))


def shortened(text: str) -> str:
    """Return an answer on one line, cut off after 600 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST_SHOWN else line[:_MOST_SHOWN] + " ..."


def without_credentials(url: str) -> str:
    """Return the URL without user and password. Also removes what may be one from any other text.

    >>> without_credentials("http://user:secret@gw.example/a@b")
    'http://gw.example/a@b'
    """
    before, _, after = url.rpartition("@")
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        pass
    scheme = re.match(r"\w*://", before)  # the rest before the @ may be a password
    return f"{scheme[0]}{after}" if scheme else after


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
