"""XML from an untrusted stub: elements, attributes and text into a small tree, with all sizes bounded.

A parser of our own because that is safe by construction (there are no entities to expand and nothing to
fetch) and because loading expat costs 5 ms of an attach of 45. It takes what stubs send: a prolog, a DOCTYPE
without internal subset, comments, elements, character references and CDATA; all else is an `XmlError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_DOCUMENT = 1 << 20
MAX_NODES = 100_000
MAX_DEPTH = 32

_TOKEN = re.compile(
    r"<!--.*?-->"
    r"|<\?.*?\?>"
    r"|<!\[CDATA\[(?P<cdata>.*?)\]\]>"
    r"|<!DOCTYPE[^<>\[\]]*>"
    r"|</(?P<close>[\w:.-]++)\s*+>"
    r"|<(?P<open>[\w:.-]++)(?P<attributes>[^<>]*?)(?P<empty>/?)>"
    r"|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""\s++([\w:.-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)')|(\s*+\S)""")
_REFERENCE = re.compile(r"&(#?\w+);")
_PREDEFINED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


class XmlError(ValueError):
    """A document that is not well-formed, too large, or that uses entities of its own."""


class Node:
    """An element: local tag name, attributes, its own text, children."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""
        self.children: list[Node] = []

    def all(self, tag: str) -> list[Node]:
        """The children called `tag`."""
        return [child for child in self.children if child.tag == tag]


def parse_xml(document: bytes) -> Node:
    """The root element of `document` (UTF-8). Prefixes are dropped: `xi:include` is `include`."""
    if len(document) > MAX_DOCUMENT:
        raise XmlError("it is too large")
    top = Node("", {})
    open_nodes = [top]
    nodes = 0
    for match in _tokens(document.decode("utf-8", "replace")):
        kind = match.lastgroup
        if kind == "empty":
            nodes += 1
            _open(open_nodes, match, nodes)
        elif kind == "close":
            _close(open_nodes, match["close"])
        elif kind is not None:
            _add_text(open_nodes, match)
    if len(open_nodes) != 1 or len(top.children) != 1:
        raise XmlError("it is cut off")
    return top.children[0]


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """The tokens of `text`, which they must cover without a gap."""
    end = 0
    while end < len(text):
        token = _TOKEN.match(text, end)
        if token is None:
            raise XmlError(f"it is not well-formed at character {end}")
        yield token
        end = token.end()


def _open(open_nodes: list[Node], match: re.Match[str], nodes: int) -> None:
    if nodes > MAX_NODES or len(open_nodes) > MAX_DEPTH:
        raise XmlError("it has too many or too deeply nested elements")
    node = Node(match["open"].rpartition(":")[2], _attributes(match["attributes"]))
    open_nodes[-1].children.append(node)
    if not match["empty"]:
        open_nodes.append(node)


def _close(open_nodes: list[Node], tag: str) -> None:
    if len(open_nodes) < 2 or open_nodes[-1].tag != tag.rpartition(":")[2]:
        raise XmlError(f"</{tag}> closes nothing")
    open_nodes.pop()


def _add_text(open_nodes: list[Node], match: re.Match[str]) -> None:
    text = match["cdata"] if match["cdata"] is not None else _resolve(match["text"])
    if len(open_nodes) == 1:
        if text.strip():
            raise XmlError("it has text outside the root element")
        return
    open_nodes[-1].text += text


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text.rstrip()):
        if match[4]:
            raise XmlError(f"it has a malformed attribute near {text.strip()[:40]!r}")
        found[match[1]] = _resolve(match[2] if match[2] is not None else match[3])
    return found


def _resolve(text: str) -> str:
    return _REFERENCE.sub(_reference, text) if "&" in text else text


def _reference(match: re.Match[str]) -> str:
    name = match[1]
    if name in _PREDEFINED:
        return _PREDEFINED[name]
    digits = name[2:] if name[:2] in ("#x", "#X") else name[1:]
    base = 16 if name[:2] in ("#x", "#X") else 10
    try:
        code = int(digits, base) if name.startswith("#") else -1
        return chr(code) if code > 0 else _unknown(name)
    except (ValueError, OverflowError):
        return _unknown(name)


def _unknown(name: str) -> str:
    raise XmlError(f"it uses the entity &{name};")
