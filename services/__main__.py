"""``python -m services``: check the settings, instrument, serve.

Exit code 0 after SIGTERM; 2 when a setting is unusable, with a line for each on standard error.
"""

import os
import sys

from services import logs, telemetry
from services.settings import Settings, SettingsError


def main() -> int:
    """Run until told to stop."""
    try:
        settings = Settings.from_environ(os.environ)
        logs.configure(settings.log_level)
        telemetry.start(settings.app, settings.lane_header)
        # Only now: instrumentation replaces Flask's class, so Flask is imported after it.
        from services.server import Server

        Server(settings).run()
    except SettingsError as error:
        for problem in error.problems:
            print(f"services: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
