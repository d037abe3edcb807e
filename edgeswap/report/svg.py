"""A drawing of the report as SVG, by matplotlib. The same report gives the same bytes.

Colours are CSS variables (`--ink`, `--muted`, `--line`, `--float32`, `--int8`) with a fallback, so that one drawing
serves a light and a dark page. It is narrow, so that its text can still be read when a phone scales it down.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Drawn in these colours; the SVG then names each as the variable of that name.
COLOURS = {"ink": "#1c2126", "muted": "#5f6872", "line": "#d0d5da", "float32": "#767f88", "int8": "#0b6bcb"}
WIDTH_INCHES = 4.4
TIP = "tip:"
SETTINGS: Any = {
    "svg.hashsalt": "edgeswap",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9.5,
}


def svg(draw: Callable[[Figure], None], height_inches: float, name: str, description: str) -> str:
    """The drawing as an `<svg>` element that can stand inside a page.

    Args:
        draw: what draws on the figure.
        height_inches: of the figure, which is `WIDTH_INCHES` wide.
        name: of the drawing, no other of the page has it.
        description: for those who do not see it.
    """
    import matplotlib as mpl  # noqa: PLC0415  (a third of a second, which only reports need)
    from matplotlib.figure import Figure  # noqa: PLC0415

    drawn = io.StringIO()
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH_INCHES, height_inches), facecolor="none")
        draw(figure)
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return _for_a_page(drawn.getvalue(), name, description)


def tip(text: str) -> str:
    """The gid of an artist that shows `text` to a pointer that rests on it."""
    return TIP + text.replace("\u00a0", " ")


def _for_a_page(svg: str, name: str, description: str) -> str:
    """Leave out what a page must not hold twice (ids, a style for all elements) and name the colours."""
    source = ET.fromstring(svg)
    width, height = source.attrib["viewBox"].split()[2:]
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "role": "img"}
    root = ET.Element("svg", {**attributes, "aria-label": description, "stroke-linejoin": "round"})
    root.extend(_renamed(child, name) for child in source if _local(child.tag) in ("defs", "g"))
    for style_sheet in [child for child in root if child.tag == "defs" and child.find("style") is not None]:
        root.remove(style_sheet)
    return ET.tostring(root, encoding="unicode")


def _renamed(element: ET.Element, name: str) -> ET.Element:
    """A copy without XML namespaces, with `name` before every id and its uses, and with named colours."""
    attributes = {_local(key): _renamed_value(_local(key), value, name) for key, value in element.attrib.items()}
    hover = element.attrib.get("id", "").removeprefix(TIP) if element.attrib.get("id", "").startswith(TIP) else ""
    if hover:
        del attributes["id"]
    copy = ET.Element(_local(element.tag), attributes)
    copy.text, copy.tail = element.text, element.tail
    if hover:
        ET.SubElement(copy, "title").text = hover
    copy.extend(_renamed(child, name) for child in element)
    return copy


def _renamed_value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return value.replace("#", f"#{name}-")
    for colour, drawn in COLOURS.items():
        value = value.replace(drawn, f"var(--{colour}, {drawn})")
    return value.replace("url(#", f"url(#{name}-")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
