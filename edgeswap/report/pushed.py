"""What `edgeswap bundle push` put on the Hugging Face Hub, on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from edgeswap.bundle.hub import Pushed


def render(done: Pushed, console: Console) -> None:
    """Print the repository's address and its files."""
    console.print(Text(f"Pushed {', '.join(done.files)}"), soft_wrap=True)
    console.print(Text(f"Repository: {done.url}"), soft_wrap=True)
    console.print(Text(f"Commit: {done.commit}"), soft_wrap=True)
