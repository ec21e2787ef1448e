"""Converts gRPC statuses to HTTP statuses: HTTP answers a failed gRPC call with 200.

https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
"""

# In the order of their numbers, which begin at 0.
_STATUSES = {
    "OK": 200,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
_BY_NUMBER = dict(enumerate(_STATUSES.values()))


def status_of(http: int, grpc: object) -> int:
    """Return the HTTP status of a call's result: `http`, unless that is 200 and `grpc` says more.

    `grpc`: the gRPC status, a number or a name; any other value for a call without gRPC. A number
    that gRPC does not define is UNKNOWN, as gRPC's clients have it.
    """
    text = str(grpc)
    if http != 200:
        return http
    if text.isdecimal() and len(text) < 5:
        return _BY_NUMBER.get(int(text), _STATUSES["UNKNOWN"])
    return _STATUSES.get(text, http)
