"""What a model is shown of a tool's output: texts clipped, pictures and PDFs, the rest by name.

Whatever is not shown whole is kept whole as an artifact, which the shown part names.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.core import canonical
from agents.core.artifacts import OCTETS, TEXT, Kept, kept, plain_mime, plain_name
from agents.core.outputs import NO_OUTPUT, Room, Shown
from agents.core.redaction import redacted, redacted_bytes
from agents.core.tools import File, ToolOutput
from agents.toolbox.clip import clip, share
from agents.toolbox.pictures import mime as picture_mime
from agents.toolbox.pictures import picture

MAX_PDF = 2_000_000  # bytes
MAX_PAGES = 60  # a long PDF would fill the model's window
MAX_INLINE = 2_600_000  # bytes of all files within one result: an event's text holds 4 MiB
MAX_FILES = 20  # of one result; what a server sends beyond that is counted only

PDF = "application/pdf"
_ENDINGS = {
    "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp",
    PDF: ".pdf", TEXT: ".txt", "application/json": ".json", "text/csv": ".csv",
    "text/html": ".html", "application/zip": ".zip", "audio/wav": ".wav", "audio/mpeg": ".mp3",
}  # fmt: skip
_TEXTUAL = re.compile(r"text/.*|application/(.*\+)?(json|xml|yaml|toml|javascript|x-sh)")
_PAGE = re.compile(rb"/Type\s*/Page\b")

Block = Mapping[str, Any]


def show(output: ToolOutput, tool: str, room: Room, secrets: Sequence[str] = ()) -> Shown:
    """What the model is shown of ``output`` of ``tool``; never more than ``room``."""
    return _Showing(tool, room, secrets, output.artifact).show(output.content)


@dataclass
class _Showing:
    """One output on its way; ``keeping`` is what must be kept of it."""

    tool: str
    room: Room
    secrets: Sequence[str]
    artifact: str
    keeping: list[Kept] = field(default_factory=list)
    images: int = 0
    inline: int = 0  # bytes

    def show(self, content: str | Sequence[Block | File]) -> Shown:
        if isinstance(content, str):
            text = self._clean(content)
            shown = self._clipped(text, self.room.chars) if text.strip() else NO_OUTPUT
            return Shown(shown, tuple(self.keeping))
        blocks = self._merged([block for part in self._parts(content) for block in self._of(part)])
        return Shown(self._fitted(blocks), tuple(self.keeping))

    def _clean(self, text: str) -> str:
        return redacted(canonical.clean_text(text), self.secrets)

    def _clipped(self, text: str, limit: int) -> str:
        if len(text) <= limit:
            return text
        return clip(text, limit, self.artifact or self._keep(text.encode(), *_named(text), "").id)

    def _keep(self, data: bytes, mime: str, ending: str, name: str) -> Kept:
        given = plain_name(name) if name else f"{self.tool}{ending or _ENDINGS.get(mime, '.bin')}"
        one = kept(data, mime, given)
        self.keeping.append(one)
        return one

    # Texts

    def _merged(self, blocks: Sequence[Block]) -> list[Block]:
        """Neighbouring texts as one, none of them empty."""
        merged: list[Block] = []
        for block in blocks:
            if block["type"] == "text" and merged and merged[-1]["type"] == "text":
                merged[-1] = _text(f"{merged[-1]['text']}\n{block['text']}")
            else:
                merged.append(block)
        filled = [b for b in merged if b["type"] != "text" or b["text"].strip()]
        return filled or [_text(NO_OUTPUT)]

    def _fitted(self, blocks: Sequence[Block]) -> str | list[Block]:
        lengths = [len(block["text"]) for block in blocks if block["type"] == "text"]
        cap = share(lengths, self.room.chars)
        fitted = [
            _text(self._clipped(block["text"], cap)) if block["type"] == "text" else block
            for block in blocks
        ]
        return fitted[0]["text"] if len(fitted) == 1 and lengths else fitted

    # Files

    def _parts(self, content: Sequence[Block | File]) -> Iterator[str | File]:
        files = 0
        for part in content:
            found = part if isinstance(part, File) else _part(part)
            files += isinstance(found, File)
            if isinstance(found, str) or files <= MAX_FILES:
                yield found
        if files > MAX_FILES:
            yield f"[{files - MAX_FILES:,} more files, which were not kept]"

    def _of(self, part: str | File) -> list[Block]:
        if isinstance(part, str):
            return [_text(self._clean(part))]
        data = redacted_bytes(part.data, self.secrets)
        told = plain_mime(part.mime)
        found = picture_mime(data) or (PDF if data.startswith(b"%PDF-") else "")
        if not found and (text := _decoded(data, told)) is not None:
            label = f"[file: {plain_name(part.name)}]\n" if part.name else ""
            return [_text(label + self._clean(text))]
        mime = found or (OCTETS if told in _ENDINGS and told.startswith("image/") else told)
        artifact = part.artifact or self._keep(data, mime, "", part.name).id
        shown = self._picture(data, artifact, part.name) if found.startswith("image/") else None
        shown = shown or (self._pdf(data, artifact, part.name) if found == PDF else None)
        return shown or [_text(_binary(mime, data, artifact))]

    def _picture(self, data: bytes, artifact: str, name: str) -> list[Block] | None:
        if self.images >= self.room.images:
            line = _binary(picture_mime(data), data, artifact)
            return [_text(f"{line} Not shown: the turn has its pictures already.")]
        made = picture(data, MAX_INLINE - self.inline)
        if made is None:
            return None
        self.images += 1
        self.inline += len(made.data)
        size = f"{made.width} x {made.height} px"
        less = "" if made.shown == (made.width, made.height) else " shown at {} x {} px,"
        told = f"[image: {_called(name)}{size},{less.format(*made.shown)} {len(data):,} bytes,"
        return [_text(f"{told} artifact {artifact}]"), _inline("image", made.mime, made.data)]

    def _pdf(self, data: bytes, artifact: str, name: str) -> list[Block] | None:
        if not _readable_pdf(data) or len(data) > MAX_INLINE - self.inline:
            return None
        self.inline += len(data)
        told = f"[document: {_called(name)}{len(data):,} bytes, artifact {artifact}]"
        return [_text(told), _inline("document", PDF, data)]


def _part(block: Block) -> str | File:
    """A block that a tool made itself: files are held to the same rules however they come."""
    if block.get("type") == "text":
        return str(block.get("text", ""))
    source = block.get("source")
    if isinstance(source, Mapping) and source.get("type") == "base64":
        try:
            data = base64.b64decode(str(source.get("data", "")), validate=True)
        except (binascii.Error, ValueError):
            return f"[{plain_mime(str(source.get('media_type')))}, not valid base64]"
        return File(data, str(source.get("media_type")), str(block.get("title") or ""))
    # Pictures by address and all else: the endpoint would fetch or refuse them.
    return canonical.event_text(dict(block))


def _decoded(data: bytes, mime: str) -> str | None:
    if not _TEXTUAL.fullmatch(mime):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _readable_pdf(data: bytes) -> bool:
    """Whether an endpoint is likely to take it: one that it refuses would end the session."""
    if len(data) > MAX_PDF or b"%%EOF" not in data[-1024:] or b"/Encrypt" in data:
        return False
    return b"startxref" in data[-2048:] and len(_PAGE.findall(data)) <= MAX_PAGES


def _named(text: str) -> tuple[str, str]:
    """Mime and file ending of a text."""
    start = text.lstrip()[:1]
    return ("application/json", ".json") if start in ("[", "{") and _json(text) else (TEXT, ".txt")


def _json(text: str) -> bool:
    return text.rstrip()[-1:] in ("]", "}")


def _binary(mime: str, data: bytes, artifact: str) -> str:
    digest = kept(data, mime, "").sha256
    return f"[binary: {mime}, {len(data):,} bytes, sha256 {digest}, artifact {artifact}]"


def _called(name: str) -> str:
    return f"{plain_name(name)}, " if name else ""


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _inline(kind: str, mime: str, data: bytes) -> Block:
    source = {"type": "base64", "media_type": mime, "data": base64.b64encode(data).decode()}
    return {"type": kind, "source": source}
