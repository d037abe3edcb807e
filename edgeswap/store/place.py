"""Where the store is."""

from __future__ import annotations

import os
from pathlib import Path

from edgeswap.system.cache import cache_folder

ENVIRONMENT = "EDGESWAP_CACHE_DIR"
_TAG = "CACHEDIR.TAG"
# https://bford.info/cachedir/: backups leave such a folder out.
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n# Results of edgeswap's stages; all can be made again.\n"


def store_folder(named: Path | None) -> Path:
    """The folder of the store: the one that is named, else that of EDGESWAP_CACHE_DIR, else one in the user's cache."""
    given = named or os.environ.get(ENVIRONMENT)
    return Path(given).absolute() if given else cache_folder() / "store"


def made(root: Path) -> Path:
    """The folder, with all above it, for this user alone.

    Raises:
        OSError: it cannot be made.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    tag = root / _TAG
    if not tag.exists():
        tag.write_text(_SIGNATURE)
    return root
