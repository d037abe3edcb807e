"""A bundle as a model on the Hugging Face Hub, in the form of the models of litert-community."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeswap.bundle.archive import unpack
from edgeswap.bundle.hub_card import hub_card
from edgeswap.bundle.manifest import LABELS, MANIFEST, MODEL, from_json
from edgeswap.bundle.verify import Verification, verify
from edgeswap.errors import ConfigError, OutputError, VerificationError
from edgeswap.progress import Progress, Silent
from edgeswap.records import Record
from edgeswap.system.installed import installed_version
from edgeswap.targets.measure import Target

PACKAGE = "huggingface-hub"
# An owner and a name; the Hub has more rules, and says them.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
BUNDLE = "bundle.zip"
CARD = "README.md"


class Pushed(Record):
    """What lies on the Hub now."""

    repository: str
    url: str
    commit: str
    files: list[str]


def require_pushable(name: str) -> None:
    """Refuse, before any work, what cannot be pushed.

    Raises:
        ConfigError: `name` is not an owner and a name.
        OutputError: huggingface-hub is not installed.
    """
    if NAME.fullmatch(name) is None:
        raise ConfigError(
            f"Expected the name of a repository on the Hugging Face Hub, got {name!r}.",
            "Write it as ORG/NAME, such as litert-community/MobileNet-v2.",
        )
    if installed_version(PACKAGE) is None:
        raise OutputError(
            f"Expected {PACKAGE}, which speaks to the Hugging Face Hub; it is not in this Python.",
            "Run: pip install 'edgeswap[hub]'",
        )


def push(
    bundle: Path,
    name: str,
    targets: Sequence[Target],
    *,
    private: bool = False,
    endpoint: str | None = None,
    progress: Progress | None = None,
) -> Pushed:
    """Make the repository where it is not there yet, and put the bundle's files into it in one commit.

    Args:
        bundle: a bundle.zip that verifies.
        name: owner and name of the repository.
        targets: where the golden vectors are run before.
        private: of a new repository; one that is there stays as it is.
        endpoint: address of the Hub; None is that of HF_ENDPOINT, or the public one.
        progress: told of each step.

    Raises:
        ConfigError: see `require_pushable`.
        VerificationError: the bundle does not verify.
        OutputError: see `require_pushable`; there is no token, the Hub refused, or does not answer.
        TargetError: a target failed.
    """
    require_pushable(name)
    progress = progress or Silent()
    found = verify(bundle, targets, progress=progress)
    if not found.passed:
        raise VerificationError(
            f"Expected a bundle that verifies, got {bundle.name!r} with: {_first_fault(found)}.",
            f"Run: edgeswap bundle verify {bundle.name}; make the bundle again.",
        )
    files = _files(bundle)
    from huggingface_hub import HfApi  # noqa: PLC0415  (an extra)

    api: Any = HfApi(endpoint=endpoint)
    _require_token(api.endpoint)
    with progress.step(f"Pushing to {name} at {api.endpoint}"):
        url, commit = _commit(api, name, files, private=private)
    return Pushed(repository=name, url=url, commit=commit, files=sorted(files))


def _first_fault(found: Verification) -> str:
    return next(f"{check.name}: {check.faults[0]}" for check in found.checks if check.faults).rstrip(".")


def _files(bundle: Path) -> dict[str, bytes]:
    """What the repository holds, by name."""
    held = unpack(bundle).files
    manifest = from_json(held[MANIFEST])
    labels = {LABELS: held[LABELS]} if LABELS in held else {}
    return {
        CARD: hub_card(manifest, held["MODEL_CARD.md"].decode()).encode(),
        MODEL: held[MODEL],
        **labels,
        MANIFEST: held[MANIFEST],
        BUNDLE: bundle.read_bytes(),
    }


def _require_token(address: str) -> None:
    from huggingface_hub import get_token  # noqa: PLC0415

    if get_token() is None:
        raise OutputError(
            f"Expected a token of the Hugging Face Hub at {address} with write access, got none.",
            "Set HF_TOKEN, or run: hf auth login",
        )


def _commit(api: Any, name: str, files: dict[str, bytes], *, private: bool) -> tuple[str, str]:
    """The repository's address and the commit's."""
    from httpx2 import HTTPError  # noqa: PLC0415  (huggingface-hub's own client)
    from huggingface_hub import CommitOperationAdd  # noqa: PLC0415
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415
    from huggingface_hub.utils import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    try:
        # None: public, unless the organization's default is private.
        repository = api.create_repo(name, private=private or None, exist_ok=True)
        commit = api.create_commit(name, operations, commit_message="Add an int8 model, made by edgeswap")
    # HTTPError: the Hub refused, or there is no connection. The others: what it refused of a name, a card or a file.
    except (HTTPError, HFValidationError, ValueError, RuntimeError) as error:
        words, cause = (" ".join(str(one or "").split()).rstrip(".") for one in (error, error.__cause__))
        said = words if cause in words else f"{words} {cause}"
        raise OutputError(
            f"The Hugging Face Hub at {api.endpoint} did not take {name}: {said.strip() or type(error).__name__}.",
            "Check the token's write access to that owner, the connection, and HF_ENDPOINT or --endpoint.",
        ) from error
    return str(repository), str(commit.commit_url)
