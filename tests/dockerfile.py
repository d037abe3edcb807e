"""A Dockerfile read and carried out in Debian roots, where no container engine runs.

It knows the instructions that our Dockerfile uses and refuses any other, so that none is passed over in silence.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl")
NETWORK_VARIABLES = re.compile(r"^(PIP_\w+|SSL_CERT_\w+|\w+_CA_BUNDLE|(https?|no|all)_proxy)$", re.IGNORECASE)


@dataclass
class Image:
    """A root folder and what a container of it starts with."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH, "HOME": "/root"})
    user: str = "root"
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)


def parse(text: str) -> list[tuple[str, str]]:
    """Instruction and arguments, in order; comments dropped, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1].strip()) for line in joined.splitlines()]


def context_files(checkout: Path) -> list[Path]:
    """What `COPY .` sends, relative to `checkout`: the last pattern of .dockerignore that fits a file decides."""
    patterns = [line for line in (checkout / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]

    def sent(path: Path) -> bool:
        kept = True
        for pattern in patterns:
            bare = pattern.removeprefix("!")
            anywhere = bare.startswith("**/")
            for part in (path, *path.parents[:-1]):
                if fnmatch(part.name if anywhere else str(part), bare.removeprefix("**/")):
                    kept = pattern.startswith("!")
        return kept

    return [path for path in _files(checkout) if sent(path)]


def build(checkout: Path, base: Path, folder: Path) -> Image:
    """The last stage of `checkout`'s Dockerfile, with `base` standing in for the one image it pulls."""
    stages: dict[str, Image] = {}
    image: Image | None = None
    for instruction, arguments in parse((checkout / "Dockerfile").read_text()):
        if instruction == "FROM":
            source, _, name = arguments.partition(" AS ")
            image = _start(stages.get(source), base, folder / f"stage{len(stages)}")
            stages[name or "final"] = image
            continue
        assert image is not None, "an instruction before FROM"
        match instruction:
            case "RUN":
                run(image, ["/bin/sh", "-c", arguments], network=True)
            case "COPY":
                _copy(image, shlex.split(arguments), stages, checkout)
            case "ENV":
                pairs = (pair.split("=", 1) for pair in shlex.split(arguments))
                image.env |= {key: value.replace("$PATH", image.env["PATH"]) for key, value in pairs}
            case "USER":
                image.user = arguments
            case "WORKDIR":
                image.workdir = arguments
                (image.root / arguments.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "ENTRYPOINT":
                image.entrypoint = json.loads(arguments)
            case "CMD":
                image.cmd = json.loads(arguments)
            case _:
                raise AssertionError(f"{instruction} is not carried out here: teach tests/dockerfile.py")
    assert image is not None
    return image


def run(image: Image, command: Sequence[str], *, network: bool = False) -> str:
    """What `command` says on stdout as the image's user in its working folder; a failure is an AssertionError.

    The root gets /proc and /dev, and with `network` the machine's own network and pip settings, by mounts that end
    with the command: none of it stays in the root.
    """
    mounts = [f"mount -t proc proc {shlex.quote(str(image.root))}/proc", _bind(Path("/dev"), image.root)]
    env = dict(image.env)
    if network:
        mounts += [_bind(path, image.root) for path in _machine_paths()]
        env |= {name: value for name, value in os.environ.items() if NETWORK_VARIABLES.match(name)}
    uid, gid = _ids(image)
    enter = ["chroot", f"--userspec={uid}:{gid}", f"--groups={gid}", str(image.root), "/usr/bin/env", "-i"]
    inside = ["/bin/sh", "-c", f'cd {shlex.quote(image.workdir)} && exec "$@"', "sh", *command]
    script = " && ".join([*mounts, 'exec "$@"'])
    whole = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script, "sh", *enter]
    ran = subprocess.run([*whole, *_assignments(env), *inside], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, (
        f"{shlex.join(command)} gave {ran.returncode}\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}"
    )
    return ran.stdout


def _files(checkout: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(checkout):
        folders[:] = [name for name in folders if name not in (".git", ".venv")]  # large, and left out in any case
        yield from (Path(folder, name).relative_to(checkout) for name in names)


def _assignments(env: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in env.items()]


def _start(parent: Image | None, base: Path, root: Path) -> Image:
    source = parent or Image(base)
    subprocess.run(["cp", "--archive", str(source.root), str(root)], check=True)
    return Image(root, dict(source.env), source.user, source.workdir, list(source.entrypoint), list(source.cmd))


def _copy(image: Image, arguments: list[str], stages: Mapping[str, Image], checkout: Path) -> None:
    *options, source, target = arguments
    place = image.root / target.lstrip("/")
    if not options:
        assert source == ".", "only the whole context is copied here"
        for path in context_files(checkout):
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / path, place / path)
        return
    (option,) = options
    stage = stages[option.removeprefix("--from=")]
    # Hard links: the stage is only read from here on.
    subprocess.run(["cp", "--archive", "--link", str(stage.root / source.lstrip("/")), str(place)], check=True)


def _ids(image: Image) -> tuple[int, int]:
    """User and group of an `id:id`, or of a name in the image's /etc/passwd."""
    if re.fullmatch(r"\d+:\d+", image.user):
        uid, gid = image.user.split(":")
        return int(uid), int(gid)
    for line in (image.root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == image.user:
            return int(uid), int(gid)
    raise AssertionError(f"USER {image.user} is not in the image's /etc/passwd")


def _machine_paths() -> list[Path]:
    """What this machine needs to reach a package index: pip's own settings, and every path that they name."""
    pip = [sys.executable, "-m", "pip", "config"]
    said = "".join(
        subprocess.run([*pip, verb], check=True, capture_output=True, text=True).stdout for verb in ("debug", "list")
    )
    # An index in a folder links to files beside itself, so its parent comes along.
    index_folders = [str(Path(name).parent) for name in re.findall(r"file://(/[^\s,'\"]+)", said)]
    named = re.findall(r"(?<![\w/:])(/[^\s,'\"]+)", said)
    return sorted({Path(name) for name in (*NETWORK_FILES, *named, *index_folders) if Path(name).exists()})


def _bind(path: Path, root: Path) -> str:
    target = root / str(path).lstrip("/")
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    return f"mount --rbind {shlex.quote(str(path.resolve()))} {shlex.quote(str(target))}"
