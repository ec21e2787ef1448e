"""The limit of open files for the processes of a mesh."""

import resource

from lanes.errors import LanesError

# Envoy needs most. With 64 clients at once it had 436 open files for 7 pods, and 932 for 60.
_FILES, _FILES_PER_POD = 512, 8


def raise_file_limit(pods: int) -> None:
    """Raise the limit of this process and its children to the hard limit.

    Raises LanesError if the hard limit is too low for a mesh with this number of pods.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES + _FILES_PER_POD * pods
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise LanesError(
            f"{hard} open files are allowed, and {pods} pods need {needed}:"
            f" run `ulimit -n {needed}` first, or raise the limit of your session"
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
