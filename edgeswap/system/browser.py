"""A page in the user's browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from edgeswap.errors import OutputError


def open_in_browser(page: Path) -> None:
    """Open the file `page` in the browser that this machine starts for pages, or that `$BROWSER` names.

    Raises:
        OutputError: no browser could be started.
    """
    if not webbrowser.open(page.resolve().as_uri()):
        raise OutputError(
            f"Expected a browser on this machine to open {str(page)!r} with, found none.",
            "Copy the page to a machine that has one (it is a single file), or name a browser in $BROWSER.",
        )
