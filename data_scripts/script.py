"""What the scripts of this folder share: errors that the user can correct are one line each."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

from n2nf_core.bursts import BurstError
from n2nf_core.files import reason, show_warning


def run(main: Callable[[], None]) -> None:
    """Call ``main``.

    An error that the user can correct becomes one line and exit status 1, a warning becomes one line.
    """
    warnings.showwarning = show_warning
    try:
        main()
    except BurstError as error:
        sys.exit(f"error: {error}")  # of several lines, if several sources failed
    except OSError as error:
        sys.exit(f"error: {reason(error)}")
    except KeyboardInterrupt:
        sys.exit("interrupted; no incomplete file has a final name: run the same command again to continue")
