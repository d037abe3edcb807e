"""A hook of MkDocs: documents that stand outside of docs/ become pages of the site, and links to them lead there.

In the repository a link such as `../SECURITY.md` works as it is written. On the site that page stands under
`repository/`. A link to a file of the code, which the site does not have, becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
PLACE = "repository/"
PAGES = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", "deploy/*/README.md")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from outside."""
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, PLACE + name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001  (mkdocs names them)
    """The page with links as they must be on the site."""
    here = posixpath.dirname(page.file.src_uri)
    known = set(files.src_uris)

    def moved(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        from_here = posixpath.join(posixpath.dirname(_in_repository(page.file.src_uri)), target)
        wanted = _on_site(posixpath.normpath(from_here))
        if wanted not in known:
            wanted = posixpath.join(wanted, "README.md")
        if wanted not in known and (ROOT / _in_repository(wanted).removesuffix("/README.md")).exists():
            return text  # a file of the code, or README.md: the site has another front page
        return f"[{text}]({posixpath.relpath(wanted, here or '.')}{anchor})"

    return LINK.sub(moved, markdown)


def _in_repository(name: str) -> str:
    """From the name of a page on the site to its path in the repository."""
    return name.removeprefix(PLACE) if name.startswith(PLACE) else f"docs/{name}"


def _on_site(path: str) -> str:
    """The inverse."""
    return path.removeprefix("docs/") if path.startswith("docs/") else PLACE + path
