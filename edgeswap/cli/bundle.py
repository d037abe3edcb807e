"""`edgeswap bundle verify` and `edgeswap bundle push`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgeswap.cli import exit_code, options
from edgeswap.cli.invocation import say, show


@click.group()
@options.debug
def bundle() -> None:
    """Verify a bundle.zip, or push it to a model hub."""


@bundle.command(
    "verify",
    cls=options.Command,
    context_settings={"show_default": True},
    short_help="Check a bundle and run its model.",
)
@click.argument("bundle", metavar="BUNDLE.zip", type=click.Path(path_type=Path))
@options.option(
    "--target",
    metavar="TARGET",
    multiple=True,
    default=("host",),
    heading="Measurement",
    help="Where to run the golden vectors. Repeatable.",
)
@options.option(
    "--runtime",
    metavar="NAME==VERSION",
    multiple=True,
    heading="Measurement",
    help="Run the golden vectors under this version of ai-edge-litert, tflite-runtime or tensorflow too. Repeatable.",
)
@options.as_json("the findings")
@options.debug
def verify_bundle(bundle: Path, target: tuple[str, ...], runtime: tuple[str, ...], as_json: bool) -> int:
    """Check that BUNDLE.zip is whole, that its files agree, and that its model gives the golden outputs on each TARGET.

    Nothing is unpacked. TARGET is that of `edgeswap export`. A --runtime is installed into an environment of its own,
    which is kept. The exit code is 3 if the bundle does not verify, and 1 if a --runtime cannot be installed or does
    not run.
    """
    from edgeswap.bundle.verify import verify  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import verified as terminal  # noqa: PLC0415
    from edgeswap.targets.names import open_targets, require_usable  # noqa: PLC0415
    from edgeswap.targets.other_runtime import parse_runtime  # noqa: PLC0415
    from edgeswap.targets.readiness import require_ready  # noqa: PLC0415

    require_usable(target, None)
    runtimes = [parse_runtime(requirement) for requirement in dict.fromkeys(runtime)]
    require_ready(target)
    found = verify(bundle, open_targets(target), runtimes, progress=progress_for(sys.stderr))
    show(found, as_json, terminal.render)
    if silent := [drift.requirement for drift in found.runtimes if not drift.ran]:
        problem = f"{len(silent)} of {len(found.runtimes)} runtimes gave no outputs: {', '.join(silent)}."
        return say(problem, "The table says why, and has what the others gave.", 1)
    return exit_code.of_verdict(found.passed)


@bundle.command(
    "push",
    cls=options.Command,
    context_settings={"show_default": True},
    short_help="Push a bundle to the Hugging Face Hub.",
)
@click.argument("name", metavar="ORG/NAME")
@click.argument("bundle", metavar="BUNDLE.zip", type=click.Path(path_type=Path))
@options.option(
    "--private/--no-private", default=False, heading="Repository", help="Make a new repository that others cannot see."
)
@options.option(
    "--endpoint",
    metavar="URL",
    heading="Repository",
    help="Address of the Hub.  [default: HF_ENDPOINT, or the public Hub]",
)
@options.as_json("what was pushed")
@options.debug
def push_bundle(name: str, bundle: Path, private: bool, endpoint: str | None, as_json: bool) -> int:
    """Verify BUNDLE.zip on this machine, and push it to the repository ORG/NAME of the Hugging Face Hub.

    The repository is made if it is not there. It gets the model, its labels, model.json, the bundle and a model card
    with the results. The token is that of HF_TOKEN or `hf auth login`. It needs: pip install 'edgeswap[hub]'
    """
    from edgeswap.bundle.hub import push, require_pushable  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import pushed as terminal  # noqa: PLC0415
    from edgeswap.targets.host import Host  # noqa: PLC0415

    require_pushable(name)
    progress = progress_for(sys.stderr)
    done = push(bundle, name, [Host()], private=private, endpoint=endpoint, progress=progress)
    show(done, as_json, terminal.render)
    return 0
