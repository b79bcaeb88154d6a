"""What a model is shown of an output: pictures and PDFs inline and bounded, the rest by name."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from agents.core import canonical
from agents.core.outputs import Room
from agents.core.tools import File, ToolOutput
from agents.toolbox import pictures
from agents.toolbox.pictures import LONG_EDGE, MAX_BYTES, picture
from agents.toolbox.showing import MAX_FILES, MAX_INLINE, show
from agents.toolbox.tool import _output

PDF = b"%PDF-1.4\n1 0 obj <</Type /Page>> endobj\ntrailer <<>>\nstartxref\n9\n%%EOF\n"


def image(
    width: int, height: int, kind: str = "PNG", mode: str = "RGB", noise: bool = False
) -> bytes:
    made = Image.effect_noise((width, height), 90) if noise else Image.new("L", (width, height), 80)
    out = io.BytesIO()
    made.convert(mode).save(out, kind)
    return out.getvalue()


def shown(*content: Any, room: Room | None = None, secrets: Sequence[str] = ()) -> Any:
    return show(ToolOutput(list(content)), "look", room or Room(), secrets)


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def decoded(block: Any) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(block["source"]["data"])))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is enormous."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_is_a_block_and_a_line_with_its_name_and_size(kind: str) -> None:
    data = image(60, 40, kind)
    told = shown(File(data, "application/x-lie", "chart one.png"))
    line, block = told.content
    (kept,) = told.kept
    assert line["text"] == (
        f"[image: chart one.png, 60 x 40 px, {len(data):,} bytes, artifact {kept.id}]"
    )
    assert block["source"]["media_type"] == kept.mime == f"image/{kind.lower()}"
    assert base64.b64decode(block["source"]["data"]) == data == kept.data


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "1"])
@pytest.mark.parametrize(("width", "height"), [(4_000, 300), (300, 4_000)])
def test_a_large_picture_is_made_smaller_and_kept_as_it_was(
    mode: str, width: int, height: int
) -> None:
    data = image(width, height, "JPEG" if mode == "CMYK" else "PNG", mode)
    told = shown(File(data, "image/png"))
    line, block = told.content
    assert max(decoded(block).size) == LONG_EDGE
    assert f"{width} x {height} px, shown at" in line["text"]
    assert told.kept[0].data == data


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_heavy_picture_is_encoded_anew_until_it_fits(mode: str) -> None:
    data = image(1_500, 1_500, "PNG", mode, noise=True)
    assert len(data) > MAX_BYTES
    made = picture(data)
    assert made
    assert len(made.data) <= MAX_BYTES
    tiny = picture(data, 20_000)
    assert tiny
    assert len(tiny.data) <= 20_000


@pytest.mark.parametrize(
    "data",
    [
        bomb(60_000, 60_000),
        bomb(7_000, 7_000),
        bomb(500, 500),  # says more than it holds
        image(400, 400, noise=True)[:60_000],
        b"\x89PNG\r\n\x1a\n" + b"\0" * 200,
        b"\xff\xd8\xff" + b"\0" * 200,
        b"GIF89a" + b"\xff" * 200,
        b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 50,
    ],
)
def test_bombs_and_broken_pictures_are_binaries(data: bytes) -> None:
    told = shown(File(data, "image/png", "x.png"))
    digest = hashlib.sha256(data).hexdigest()
    assert told.content.startswith("[binary: image/")
    assert f", {len(data):,} bytes, sha256 {digest}, artifact {told.kept[0].id}]" in told.content


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = image(50, 50)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
    unpacked: list[object] = []

    def load(self: PngImageFile) -> None:
        unpacked.append(self)

    monkeypatch.setattr(PngImageFile, "load", load)
    assert picture(data) is None
    monkeypatch.setattr(pictures, "MAX_PIXELS", 10_000)
    assert picture(data)
    assert len(unpacked) == 1


def test_at_most_four_pictures_of_a_turn_are_shown() -> None:
    files = [File(image(10 + n, 10)) for n in range(6)]
    told = shown(*files)
    assert sum(block["type"] == "image" for block in told.content) == 4
    assert len(told.kept) == 6
    assert "Not shown: the turn has its pictures already." in told.content[-1]["text"]
    assert isinstance(shown(files[0], room=Room(images=0)).content, str)


def test_what_is_inline_always_fits_into_an_event() -> None:
    heavy = [File(image(1_400, 1_400, noise=True)) for _ in range(4)]
    told = shown(*heavy, File(PDF.replace(b"trailer", b"x" * 1_900_000 + b"trailer")))
    inline = [b for b in told.content if b["type"] != "text"]
    assert sum(len(b["source"]["data"]) * 3 // 4 for b in inline) <= MAX_INLINE
    assert len(json.dumps(told.content)) < 4_000_000
    assert len(told.kept) == 5


def test_a_pdf_is_a_document_unless_an_endpoint_would_refuse_it() -> None:
    line, block = shown(File(PDF, name="offer.pdf")).content
    assert line["text"].startswith("[document: offer.pdf, ")
    assert (block["type"], block["source"]["media_type"]) == ("document", "application/pdf")
    for bad in (
        PDF[:-10],
        PDF.replace(b"trailer <<", b"trailer <</Encrypt 3 0 R"),
        PDF.replace(b"/Type /Page", b"/Type /Page " * 100),
        PDF.replace(b"trailer", b"x" * 2_000_000 + b"trailer"),
    ):
        assert shown(File(bad)).content.startswith("[binary: application/pdf, ")


def test_textual_files_are_text_and_the_rest_is_named() -> None:
    told = shown(File(b'{"a": 1}', "application/json", "a.json"), File(b"\0\1", "x\r\ny"))
    assert told.content.startswith('[file: a.json]\n{"a": 1}\n[binary: application/octet-stream, ')
    assert [one.name for one in told.kept] == ["look.bin"]
    assert shown(File(b"\xff\xfe", "text/plain")).content.startswith("[binary: text/plain, 2 bytes")


def test_a_block_that_a_tool_made_itself_is_held_to_the_same_rules() -> None:
    data = base64.b64encode(image(3_000, 20)).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    _, block = shown({"type": "image", "source": source}).content
    assert max(decoded(block).size) == LONG_EDGE
    by_address = {"type": "image", "source": {"type": "url", "url": "https://evil.example/x.png"}}
    assert isinstance(shown(by_address).content, str)
    assert "not valid base64" in shown({"type": "image", "source": {**source, "data": "%"}}).content


def test_a_flood_of_files_is_kept_in_part_and_counted() -> None:
    told = shown(*[File(bytes([n, 255])) for n in range(MAX_FILES + 7)])
    assert len(told.kept) == MAX_FILES
    assert told.content.endswith("[7 more files, which were not kept]")


def test_an_artifact_that_is_read_again_is_not_kept_twice() -> None:
    told = shown(File(image(20, 20), "image/png", "x.png", artifact="art_1"))
    assert told.kept == ()
    assert "artifact art_1]" in told.content[0]["text"]
    long = show(ToolOutput("x" * 30_000, artifact="art_1"), "read_artifact", Room(), ())
    assert long.kept == ()
    assert "artifact art_1;" in long.content


def test_secrets_are_redacted_before_anything_is_cut_shown_or_kept() -> None:
    secret = "hunter2hunter2"
    told = shown(
        text(f"a{secret} " * 5_000), File(b"\0" + secret.encode(), "x/y"), secrets=[secret]
    )
    assert secret not in str(told.content)
    assert not any(secret.encode() in one.data for one in told.kept)


def test_a_secret_is_redacted_as_json_writes_it() -> None:
    key = '-----BEGIN "KEY"-----\nhunter2/\\é<\n-----END-----\n'
    told = {"deep": [{"key": key, "file": json.dumps({"private": key})}]}
    for said in (json.dumps(told), canonical.event_text(told)):
        assert "hunter2" not in str(show(ToolOutput(said), "look", Room(), [key]))
        assert "hunter2" not in str(shown(File(said.encode(), "text/json"), secrets=[key]))
        assert "hunter2" not in str(shown(File(b"\0" + said.encode()), secrets=[key]).kept)


def test_bytes_and_files_of_python_tools_are_outputs() -> None:
    assert _output(b"\0").content == [File(b"\0")]
    assert _output(File(b"\0", "a/b")).content == [File(b"\0", "a/b")]


@pytest.mark.parametrize("empty", ["", " \n\t", "\x00"])
def test_an_empty_output_says_so(empty: str) -> None:
    assert show(ToolOutput(empty), "look", Room(), ()).content == "(no output)"
    assert shown({"type": "text", "text": empty}).content == "(no output)"


PARTS = st.lists(
    st.builds(
        lambda t, n: {"type": "text", "text": t * n}, st.text(max_size=8), st.integers(0, 900)
    )
    | st.builds(File, st.binary(max_size=40), st.text(max_size=20), st.text(max_size=20)),
    max_size=12,
)


@given(parts=PARTS, chars=st.integers(400, 3_000))
def test_no_output_takes_more_room_than_it_has_and_none_is_lost(
    parts: list[Any], chars: int
) -> None:
    told = show(ToolOutput(parts), "look", Room(chars), ())
    texts = [told.content] if isinstance(told.content, str) else [b["text"] for b in told.content]
    assert sum(map(len, texts)) <= chars
    assert all(text.strip() for text in texts)
    whole = sum(len(part["text"]) for part in parts if isinstance(part, dict))
    if whole > chars:
        assert told.kept
    for one in told.kept:
        assert one.sha256 == hashlib.sha256(one.data).hexdigest()
