"""As much of the Hugging Face Hub as a push uses, on this machine: no more of it is spoken here.

Create a repository, check a card's YAML, say which files are large, take large files by the Git LFS batch protocol, and
take a commit. It knows one token. Uploads by Xet, which the Hub has for large files besides, are not spoken.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

TOKEN = "hf_of_the_tests"
LARGE = (".tflite", ".zip")  # what the Hub's .gitattributes names as such


@dataclass
class Hub:
    """What was made on the server."""

    endpoint: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    visibility: dict[str, str | None] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    hub: Hub


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, {"error": "Invalid username or password."})
        elif self.path == "/api/repos/create":
            self._create(json.loads(body))
        elif self.path == "/api/validate-yaml":
            self._validate(json.loads(body)["content"])
        elif self.path.endswith(".git/info/lfs/objects/batch"):
            self._batch(json.loads(body)["objects"])
        else:
            _, _, _, owner, name, what, _revision = self.path.split("/")
            {"preupload": self._modes, "commit": self._commit}[what](f"{owner}/{name}", body)

    def do_PUT(self) -> None:
        self.server.hub.large[self.path.rpartition("/")[2]] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, {})

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] == "others":
            self._answer(403, {"error": "You don't have the rights to create a model under the namespace 'others'"})
        elif name in self.server.hub.repositories:
            self._answer(
                409, {"error": "You already created this model repo", "url": f"{self.server.hub.endpoint}/{name}"}
            )
        else:
            self.server.hub.repositories[name], self.server.hub.visibility[name] = {}, asked.get("visibility")
            self._answer(200, {"url": f"{self.server.hub.endpoint}/{name}"})

    def _validate(self, card: str) -> None:
        data = yaml.safe_load(card.split("---\n")[1])
        errors = [] if data.get("library_name") else [{"message": "no library"}]
        self._answer(400 if errors else 200, {"errors": errors, "warnings": []})

    def _modes(self, _name: str, body: bytes) -> None:
        files = [
            {"path": one["path"], "uploadMode": "lfs" if one["path"].endswith(LARGE) else "regular"}
            for one in json.loads(body)["files"]
        ]
        self._answer(200, {"files": [{**one, "shouldIgnore": False} for one in files]})

    def _batch(self, objects: list[dict[str, Any]]) -> None:
        self.server.hub.uploaded += [one["oid"] for one in objects if one["oid"] not in self.server.hub.large]
        answers = [
            {**one, "actions": {"upload": {"href": f"{self.server.hub.endpoint}/lfs/{one['oid']}", "header": {}}}}
            if one["oid"] not in self.server.hub.large
            else one
            for one in objects
        ]
        self._answer(200, {"transfer": "basic", "objects": answers})

    def _commit(self, name: str, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.server.hub.repositories[name][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.server.hub.repositories[name][value["path"]] = self.server.hub.large[value["oid"]]
        oid = "0" * 40
        self._answer(
            200, {"commitUrl": f"{self.server.hub.endpoint}/{name}/commit/{oid}", "commitOid": oid, "success": True}
        )

    def _answer(self, code: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def hub() -> Iterator[Hub]:
    made = Hub()
    with Server(("127.0.0.1", 0), Handler) as server:
        server.hub, made.endpoint = made, f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
