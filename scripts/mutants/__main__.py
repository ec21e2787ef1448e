"""Copy the project's files to build/mutants, and run a session of mutants in the copy.

usage: python -m scripts.mutants [--seed N] [--count N]

Mutants are written to files, and tests start further processes. The session's Python imports the
project from the copy alone, so both stay there.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPY = ROOT / "build/mutants"
PYTHON = Path(sys.prefix) / "mutants/bin/python"


def main(arguments: list[str]) -> int:
    """Make the copy and run the session; return its exit code."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shutil.rmtree(COPY, ignore_errors=True)
    for name in files.splitlines():
        if (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)
    # That Python gets the copy and the project's requirements as further paths. It cannot use the
    # project's own environment, where the project is installed in place.
    library = next(PYTHON.parents[1].glob("lib/python*/site-packages"))
    required = sysconfig.get_path("purelib")
    (library / "project.pth").write_text(f"{COPY}\n{required}\n")
    for program in Path(sys.executable).parent.iterdir():
        if not (beside := PYTHON.with_name(program.name)).exists():
            beside.symlink_to(program)
    session = [str(PYTHON), "-P", "-m", "scripts.mutants.session", *arguments]
    return subprocess.run(session, cwd=COPY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
