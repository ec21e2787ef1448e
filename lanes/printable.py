"""What may be printed: text of strangers, without what steers a terminal or misleads a reader."""

import re
from urllib.parse import urlsplit

# Characters of an answer that is shown: a chain of some ten services.
_SHOWN = 600


def printable(text: str) -> str:
    r"""`text` on one line, with an escape in place of each character that does not print.

    Those are what Unicode calls control and format characters, separators but the blank, halves of
    characters, and what is unassigned (see `str.isprintable`): among them line breaks, what begins
    a terminal's commands, what turns the direction of text, and what has no width.

    >>> printable("v1\x1b[2J")
    'v1\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def printable_lines(text: str) -> str:
    """The same for each line of a text whose line breaks are meant."""
    return "\n".join(map(printable, text.split("\n")))


def shortened(text: str) -> str:
    """An answer on one line, as much of it as helps."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + " ..."


def without_credentials(url: str) -> str:
    """The URL without a user and a password, also where it is no URL.

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
    scheme = re.match(r"\w*://", before)  # what stands before an @ may be a password
    return f"{scheme[0]}{after}" if scheme else after


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
