"""How many files the processes of a mesh may have open."""

import resource

from lanes.errors import LanesError

# What 64 clients at once were seen to need of Envoy, the hungriest: 436 files with 7 pods, 932
# with 60.
_FILES, _FILES_A_POD = 512, 8


def raise_file_limit(pods: int) -> None:
    """Let this process, and those that it starts, open as many files as the hard limit allows.

    Raises LanesError where that is too few for a mesh of so many pods.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES + _FILES_A_POD * pods
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise LanesError(
            f"{hard} open files are allowed, and {pods} pods need {needed}:"
            f" run `ulimit -n {needed}` first, or raise the limit of your session"
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
