"""The generated Swift, parsed. What its compiler said of it once, by hand, stands in deploy/ios/README.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter_swift
from tree_sitter import Language, Node, Parser

from edgeswap.bundle.apps.generate import generate
from tests.app_bundle import KINDS, WITH_ENDS, bundle

STUBS = Path(__file__).parent / "apps/swift"


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser(Language(tree_sitter_swift.language()))


def faults(parser: Parser, source: bytes) -> list[str]:
    """Every line that cannot be parsed."""
    lines = source.decode().splitlines()

    def walk(node: Node) -> Iterator[str]:
        if node.is_error or node.is_missing:
            yield f"line {node.start_point.row + 1}: {lines[node.start_point.row]}"
        for child in node.children:
            yield from walk(child)

    return list(walk(parser.parse(source).root_node))


@pytest.mark.parametrize("kind", [*KINDS, *WITH_ENDS])
def test_every_file_is_swift(parser: Parser, tmp_path: Path, kind: str) -> None:
    facts = bundle(kind, tmp_path / kind).facts
    sources = {name: content for name, content in generate(facts).items() if name.endswith(".swift")}
    second = set() if facts.keeps_state else {"ios/interpreter/Model.swift"}
    assert set(sources) == {"ios/Model.swift", "ios/SelfTest.swift", *second}
    model = "TensorFlowLite" if facts.keeps_state else "LiteRT"
    assert f"import {model}\n" in sources["ios/Model.swift"].decode()
    for name, content in sources.items():
        assert faults(parser, content) == [], name


@pytest.mark.parametrize("file", sorted(STUBS.glob("*.swift")), ids=lambda file: file.name)
def test_the_stand_ins_are_swift(parser: Parser, file: Path) -> None:
    assert faults(parser, file.read_bytes()) == []


@pytest.mark.parametrize(("good", "bad"), [("-> Data {", "-> Data"), ("try ", "try try = "), ("import ", "import 1")])
def test_a_fault_is_found(parser: Parser, tmp_path: Path, good: str, bad: str) -> None:
    content = generate(bundle("adder", tmp_path / "adder").facts)["ios/Model.swift"].decode()
    assert good in content
    assert faults(parser, content.replace(good, bad).encode())
