"""The HTTP status that a gRPC status stands for: a failed call by gRPC is answered with HTTP's 200.

https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
"""

# In the order of their numbers, from 0.
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
    """Return the HTTP status that tells what came of a call.

    `grpc`: the gRPC status, as a number or a name; anything else where the call is none by gRPC. It
    counts where HTTP's own status tells no failure. A number that gRPC does not define is UNKNOWN,
    as for its clients.
    """
    told = str(grpc)
    if http != 200:
        return http
    if told.isdecimal() and len(told) < 5:
        return _BY_NUMBER.get(int(told), _STATUSES["UNKNOWN"])
    return _STATUSES.get(told, http)
