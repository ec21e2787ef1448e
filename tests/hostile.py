"""Header lines of clients that try to enter or to leave a lane, drawn by a seed.

`forms` draws baggage. `read_by_hops` returns its value at each hop, by OpenTelemetry's own parser.
`repeated` draws headers for entry rules, on several lines. `named` returns their values: one line
must name the lane, not several lines joined. `http.client` can send every line as
latin-1. So the same forms serve unit tests, the laptop mesh and the real istiod.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from opentelemetry.baggage import get_baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

Headers = list[tuple[str, str]]
MEMBER, LANE = "version", "v3"  # the sample's

# The limits of OpenTelemetry's Python SDK for one baggage header.
MOST_MEMBERS, LONGEST_MEMBER, LONGEST = 180, 4096, 8192


@dataclass(frozen=True)
class Form:
    """Header lines of one request, and a short description of what they try."""

    tries: str
    headers: Headers

    def __str__(self) -> str:
        return self.tries

    @property
    def baggage(self) -> str:
        """Return the baggage lines as one, as Envoy matches them and WSGI servers join them."""
        return ",".join(self.lines("baggage"))

    def lines(self, name: str) -> list[str]:
        """Return the values of a header, one per line of the request, stripped."""
        return [value.strip(" \t") for n, value in self.headers if n.lower() == name]


@dataclass(frozen=True)
class _Aim:
    """The lane's baggage member, the lane to enter, and the random numbers."""

    random: Random
    member: str
    lane: str

    def escaped(self, text: str, share: float = 0.3) -> str:
        """Return `text` with at least one character percent-encoded, in upper or lower case."""
        sure = self.random.randrange(len(text))
        return "".join(
            self.random.choice(("%{:02x}", "%{:02X}")).format(ord(c))
            if i == sure or self.random.random() < share
            else c
            for i, c in enumerate(text)
        )

    def recased(self, text: str) -> str:
        return "".join(self.random.choice((c.lower(), c.upper())) for c in text)

    @property
    def blank(self) -> str:
        return "".join(self.random.choices(" \t", k=self.random.randint(1, 3)))


_Member = Callable[[_Aim], str]

# Members that name the lane, and members that a reader might mistake for one.
_CLAIMS: dict[str, _Member] = {
    "plain": lambda a: f"{a.member}={a.lane}",
    "blanks": lambda a: f"{a.blank}{a.member}{a.blank}={a.blank}{a.lane}{a.blank}",
    "escaped name": lambda a: f"{a.escaped(a.member)}={a.lane}",
    "wholly escaped name": lambda a: f"{a.escaped(a.member, 1)}={a.lane}",
    "escaped value": lambda a: f"{a.member}={a.escaped(a.lane)}",
    "name escaped twice": lambda a: f"{a.escaped(a.member).replace('%', '%25')}={a.lane}",
    "blank escaped in the name": lambda a: (
        a.random.choice(("%20{}", "{}%20", "%09{}", "{}%0A", "%1F{}", "{}%C2%A0", "%E3%80%80{}"))
        + "={}"
    ).format(a.member, a.lane),
    "plus for a blank": lambda a: a.random.choice(("+{}={}", "{}+={}", "{}=+{}", "{}={}+")).format(
        a.member, a.lane
    ),
    "plus within": lambda a: f"{a.member[:3]}+{a.member[3:]}={a.lane}",
    "another case": lambda a: f"{a.recased(a.member)}={a.recased(a.lane)}",
    "properties": lambda a: f"{a.member}={a.lane};{a.random.choice(('p', 'p=1', ' p = 1 ; q'))}",
    "properties of the name": lambda a: f"{a.member};p={a.lane}",
    "in a property": lambda a: f"a=1;{a.member}={a.lane}",
    "in a value": lambda a: f"a={a.member}={a.lane}",
    "a comma escaped in a value": lambda a: f"a=1%2C{a.member}%3D{a.lane}",
    "a comma escaped in a name": lambda a: f"a%3D1%2C{a.member}={a.lane}",
    "a comma in quotes": lambda a: f'a="1,{a.member}={a.lane}"',
    "quoted value": lambda a: f'{a.member}="{a.lane}"',
    "quoted name": lambda a: f'"{a.member}"={a.lane}',
    "no value": lambda a: f"{a.member}=",
    "no equals": lambda a: a.member,
    "two equals": lambda a: f"{a.member}=={a.lane}",
    "another separator": lambda a: f"{a.member}{a.random.choice((':', ';', '%3D'))}{a.lane}",
    "said twice": lambda a: f"{a.member}={a.lane},{a.member}=v9,{a.member}={a.lane}",
    "longer name": lambda a: a.random.choice(("x{}={}", "{}-={}", "{}s={}")).format(
        a.member, a.lane
    ),
    "longer value": lambda a: f"{a.member}={a.lane}3",
    "bad escape": lambda a: f"{a.member}%={a.lane},%zz{a.member}={a.lane},{a.member}%7={a.lane}",
    "broken UTF-8": lambda a: f"%ff{a.member}={a.lane}",
    "bytes above ASCII": lambda a: f"\xa0{a.member}={a.lane}",
    "UTF-8 as it is": lambda a: f"\xe2\x80\x8b{a.member}={a.lane}\xc3\xa9",
}

# Members that may leave no room for the lane's member.
_BURDENS: dict[str, _Member] = {
    "many members": lambda a: ",".join(f"k{i}=v" for i in range(a.random.randint(175, 400))),
    "as many as are read": lambda _: ",".join(f"k{i}=v" for i in range(MOST_MEMBERS)),
    "one fewer than are read": lambda _: ",".join(f"k{i}=v" for i in range(MOST_MEMBERS - 1)),
    "many bad members": lambda a: ",".join(a.random.choices(("x", "=", "a b=c"), k=200)),
    "many of one name": lambda a: ",".join(["k=v"] * a.random.randint(180, 400)),
    "a long value": lambda a: f"k={'x' * a.random.randint(8000, 9000)}",
    "a value as long as is read": lambda _: f"k={'x' * (LONGEST_MEMBER - 2)}",
    "two values as long as are read": lambda _: (
        f"k={'x' * (LONGEST_MEMBER - 2)},l={'x' * (LONGEST - LONGEST_MEMBER - 3)}"
    ),
    "up to where the lane would fit": lambda a: _filled(LONGEST - a.random.randint(0, 24)),
    "a long name": lambda a: f"{'k' * a.random.randint(3000, 9000)}=v",
    "a long property": lambda a: f"k=v;{'p' * a.random.randint(3000, 9000)}",
    "values that grow": lambda _: ",".join(f"{name}={'!' * 1300}" for name in "abc"),
    "many values that grow": lambda a: ",".join(
        f"k{i}={a.random.choice('!$&()*:?@') * 30}" for i in range(90)
    ),
    "names that grow": lambda _: ",".join(f"{name * 3}{'|' * 1000}=v" for name in "abc"),
    "broken UTF-8 that grows": lambda _: ",".join(f"k{i}={'%ff' * 400}" for i in range(3)),
    "bytes that count twice": lambda a: f"k={chr(0xE9) * a.random.randint(4000, 4200)}",
    "much and escaped": lambda _: ",".join(f"k%{i:02x}={'%20' * 20}" for i in range(48, 148)),
}

# Members of ordinary clients, without a lane.
_HARMLESS: dict[str, _Member] = {
    "a member": lambda _: "user=42",
    "a member with properties": lambda _: "user=42;ttl=30",
    "an escaped value": lambda _: "user=a%20b%C3%A9",
    "an empty member": lambda _: "",
    "a blank member": lambda a: a.blank,
    "no equals": lambda _: "user",
    "no name": lambda _: "=42",
}

# Headers other than baggage that might name a lane.
_OTHERS: dict[str, Callable[[_Aim], Headers]] = {
    "the lane's header": lambda a: [(a.member, a.lane)],
    "in another case": lambda a: [(a.recased(a.member), a.lane)],
    "twice": lambda a: [(a.member, a.lane), (a.member, a.lane)],
    "a list": lambda a: [(a.member, f"v1, {a.lane}")],
    "empty": lambda a: [(a.member, "")],
    "an entry rule that does not exist": lambda a: [("x-lane", a.lane), (f"x-{a.member}", a.lane)],
    "a cookie": lambda a: [("cookie", f"{a.member}={a.lane}; x-lane={a.lane}")],
    "what proxies say": lambda a: [
        ("x-envoy-upstream-alt-stat-name", a.lane),
        ("x-envoy-original-path", f"/?{a.member}={a.lane}"),
        ("x-forwarded-host", a.lane),
    ],
    "the header named as hop by hop": lambda a: [(a.member, a.lane), ("connection", a.member)],
    "baggage named as hop by hop": lambda _: [("connection", "close, baggage")],
    "trace state": lambda a: [("tracestate", f"{a.member}={a.lane}")],
}


def each(member: str = MEMBER, lane: str = LANE, seed: int = 0) -> list[Form]:
    """Return every form once. Claims also come before and after another member."""
    aim = _Aim(Random(seed), member, lane)
    return [
        *(
            Form(f"claim, {name}{where}", [("baggage", around.format(make(aim)))])
            for name, make in _CLAIMS.items()
            for around, where in (
                ("{}", ""),
                ("user=42,{}", ", last"),
                ("{} ,user=42", ", first"),
            )
        ),
        *(Form(f"burden, {name}", [("baggage", make(aim))]) for name, make in _BURDENS.items()),
        *(Form(f"harmless, {name}", [("baggage", make(aim))]) for name, make in _HARMLESS.items()),
        *(Form(f"header, {name}", make(aim)) for name, make in _OTHERS.items()),
    ]


def forms(seed: int, member: str = MEMBER, lane: str = LANE) -> Iterator[Form]:
    """Yield endless mixes of the forms, in one to four baggage lines.

    The same seed gives the same forms.
    """
    random = Random(seed)
    aim = _Aim(random, member, lane)
    while True:
        tries: list[str] = []
        headers: Headers = []
        for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
            members = []
            for _ in range(random.choice((1, 1, 2, 3, 5))):
                kind = random.choices((_CLAIMS, _BURDENS, _HARMLESS), (5, 2, 3))[0]
                name = random.choice(list(kind))
                tries.append(name)
                members.append(kind[name](aim))
            separator = random.choice((",", ",", ", ", " ,", ",\t", ",,", " , , "))
            headers.append((aim.recased("baggage"), separator.join(members)))
        if random.random() < 0.3:
            name = random.choice(list(_OTHERS))
            tries.append(f"header, {name}")
            headers += _OTHERS[name](aim)
        yield Form(" + ".join(tries), headers)


# Values of an entry rule's header: the lane's name, and values that are not a lane.
_VALUES: dict[str, _Member] = {
    "the lane": lambda a: a.lane,
    "blanks around": lambda a: f"{a.blank}{a.lane}{a.blank}",
    "another lane": lambda _: "pr-999",
    "nothing": lambda _: "",
    "another case": lambda a: a.lane.upper(),
    "its beginning": lambda a: a.lane[:-1],
    "its end": lambda a: a.lane[-1],
    "a list": lambda a: f"{a.lane}, {a.lane}",
    "an open list": lambda a: a.random.choice((f"{a.lane},", f",{a.lane}")),
    "quotes": lambda a: f'"{a.lane}"',
    "escaped": lambda a: a.escaped(a.lane),
}

# Cookies that name the lane, or that several lines may combine into one that does.
_COOKIES: dict[str, Callable[[_Aim, str], str]] = {
    "the lane": lambda a, name: f"{name}={a.lane}",
    "among others": lambda a, name: f"a=b; {name}={a.lane} ;c",
    "another lane": lambda _, name: f"{name}=pr-999",
    "no value": lambda _, name: f"{name}=",
    "the value alone": lambda a, _: a.lane,
    "the name alone": lambda _, name: name,
    "behind a comma": lambda a, name: f"a=b, {name}={a.lane}",
    "before a comma": lambda a, name: f"{name}={a.lane}, a=b",
    "in quotes": lambda a, name: f'a="; {name}={a.lane}"; {name}="{a.lane}"',
    "an open quote": lambda a, name: a.random.choice((f'a="; {name}', f'={a.lane}"')),
    "a longer name": lambda a, name: f"x{name}={a.lane}; {name}x={a.lane}",
    "a longer value": lambda a, name: f"{name}={a.lane}2",
    "another case": lambda a, name: f"{name.upper()}={a.lane}",
    "within a cookie": lambda a, name: f"a={name}={a.lane}",
    "nothing": lambda _, __: "",
}


def repeated(seed: int, header: str, cookies: list[str], lane: str = LANE) -> Iterator[Form]:
    """Yield endless forms that send `header`, and cookies of these names, on up to four lines each.

    The same seed gives the same forms.
    """
    random = Random(seed)
    aim = _Aim(random, header, lane)
    while True:
        tries: list[str] = []
        headers: Headers = []
        for _ in range(random.choice((0, 1, 2, 2, 3, 4))):
            name = random.choice(list(_VALUES))
            tries.append(f"{header}, {name}")
            headers.append((aim.recased(header), _VALUES[name](aim)))
        for _ in range(random.choice((0, 1, 2, 2, 3, 4))):
            name = random.choice(list(_COOKIES))
            tries.append(f"cookie, {name}")
            headers.append((aim.recased("cookie"), _COOKIES[name](aim, random.choice(cookies))))
        random.shuffle(headers)
        yield Form(" + ".join(tries) or "nothing", headers)


def named(form: Form, header: str, cookies: list[str]) -> set[str]:
    """Return the values of `header`, one per line, and of the cookies of these names."""
    pairs = [
        pair.strip(" \t").partition("=")
        for line in form.lines("cookie")
        for pair in line.split(";")
    ]
    return {*form.lines(header), *(value for name, _, value in pairs if name in cookies)}


def read_by_hops(baggage: str, member: str = MEMBER, hops: int = 3) -> list[str | None]:
    """Return the value of `member` that each of `hops` services reads.

    The first service receives `baggage`, each other service the header of the service before it.
    OpenTelemetry reads and writes the headers.
    """
    logging.getLogger("opentelemetry.baggage").setLevel(
        logging.ERROR
    )  # hide its warning for each member
    propagator = W3CBaggagePropagator()
    values: list[str | None] = []
    carrier = {"baggage": baggage}
    for _ in range(hops):
        context = propagator.extract(carrier, Context())
        value = get_baggage(member, context)
        values.append(None if value is None else str(value))
        carrier = {}
        propagator.inject(carrier, context)
    return values


def _filled(length: int) -> str:
    """Return baggage of exactly `length` characters, in members that are read."""
    members = [f"k{i}={'x' * 996}" for i in range(9)]
    return ",".join(members)[:length]
