"""Requests that enter lane v2, which has weight 0, and requests that only look so."""

from tests.chart.rendering import Values
from tests.hostile import Headers

HOST: Values = {"host": "*.preview.example.com"}
OPEN: Values = {
    "weights": {"v1": 50, "v2": 0, "v3": 50},
    "enter": {
        "header": "x-enter",
        "cookie": "enter",
        "match": {"v2": [{"headers": {"x-user": {"prefix": "jas"}, "x-team": {"regex": "a|b"}}}]},
    },
    "respond": "x-lane",
    "sticky": {"cookie": "kept", "maxAge": 60},
}
# The same, and by host: what an HTTPRoute has no place for.
WIDE_OPEN: Values = OPEN | {"enter": OPEN["enter"] | HOST}
PATH = ["mocka v2", "mockb v1", "mockc v2"]

ENTERS: list[Headers] = [
    [("x-enter", "v2")],
    [("X-Enter", " v2 ")],
    [("x-enter", "v2"), ("baggage", "version=v3,user=42"), ("version", "v3")],
    [("x-enter", "v2"), ("cookie", "enter=v3; kept=v3")],
    [("cookie", "enter=v2")],
    [("cookie", "enter=v2;")],
    [("cookie", "a=b; enter=v2; c=d")],
    [("cookie", "a=b;enter=v2 ;c")],
    [("cookie", 'a="1; 2"; =; ; enter=v2')],
    [("cookie", "a=b"), ("cookie", "enter=v2")],
    [("cookie", "kept=v3; enter=v2")],
    [("x-user", "jason"), ("x-team", "b")],
]
ENTERS_BY_HOST: list[Headers] = [
    [("host", "v2.preview.example.com")],
    [("host", "V2.Preview.example.com:8080")],
]
STAYS_OUT: list[Headers] = [
    [("x-enter", "V2")],
    [("x-enter", "v22")],
    [("x-enter", "")],
    [("x-enter", "v2, v2")],
    [("x-enter", "pr-999")],
    [("x-enter-", "v2"), ("x-lane", "v2"), ("enter", "v2")],
    [("cookie", "enter=v22")],
    [("cookie", "enter=v2x; enter=av2")],
    [("cookie", 'enter="v2"')],
    [("cookie", "ENTER=v2; Enter=v2")],
    [("cookie", "reenter=v2; x-enter=v2")],
    [("cookie", "a=enter=v2, enter=v2")],
    [("cookie", "enter%3Dv2; enter=%76%32; enter: v2")],
    [("cookie", "kept=v2")],  # the weights no longer lead there
    [("cookie", "kept=pr-999")],
    [("set-cookie", "enter=v2"), ("cookie2", "enter=v2")],
    [("x-user", "jason")],
    [("x-user", "jason"), ("x-team", "ab")],
    [("x-user", "ajason"), ("x-team", "a")],
    [("host", "v2.preview.example.org")],
    [("host", "xv2.preview.example.com")],
    [("host", "a.v2.preview.example.com")],
    [("host", "v2xpreview.example.com")],
    [("host", "v2.preview.example.com.example.org")],
    [("host", "v2.preview.example.com:80x")],
    [("x-forwarded-host", "v2.preview.example.com"), ("forwarded", "host=v2.preview.example.com")],
]
