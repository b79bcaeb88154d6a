"""Pictures as a model can be shown them: known formats, bounded in pixels and bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageOps

LONG_EDGE = 1_568  # pixels; a model sees no more
MAX_BYTES = 1_500_000  # of one picture as it is sent
MAX_PIXELS = 40_000_000  # a larger one is refused before it is unpacked
_MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_QUALITIES = (85, 70, 50)


@dataclass(frozen=True, slots=True)
class Picture:
    """``data`` is what is sent; ``width`` and ``height`` (pixels) are those of the original."""

    data: bytes
    mime: str
    width: int
    height: int
    shown: tuple[int, int]


def mime(data: bytes) -> str:
    """What the bytes say they are; empty if that is no picture that a model can be shown."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def picture(data: bytes, most: int = MAX_BYTES) -> Picture | None:
    """The picture, made smaller where it must be, in at most ``most`` bytes; None if it is broken,
    too large to unpack or cannot be made to fit."""
    try:
        return _picture(data, min(most, MAX_BYTES))
    except Exception:  # noqa: BLE001 - hostile bytes: whatever the decoder raises, it is no picture
        return None


def _picture(data: bytes, most: int) -> Picture | None:
    with Image.open(io.BytesIO(data), formats=list(_MIMES)) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            return None
        kind = _MIMES[opened.format or ""]
        opened.load()  # all of it: what is cut off must be found out here, not by the endpoint
        if max(width, height) <= LONG_EDGE and len(data) <= most:
            return Picture(data, kind, width, height, (width, height))
        # A camera's turn is in the metadata, which is not sent on.
        image = ImageOps.exif_transpose(opened)
        clear = image.has_transparency_data
        bare = image.convert("RGBA" if clear else "RGB")
    bare.thumbnail((LONG_EDGE, LONG_EDGE), Image.Resampling.LANCZOS)
    return _encoded(bare, clear, most, (width, height))


def _encoded(image: Image.Image, clear: bool, most: int, size: tuple[int, int]) -> Picture | None:
    """The first that fits: lossless where it is clear, then coarser, then smaller."""
    if clear:
        data = _saved(image, "PNG", optimize=True)
        if len(data) <= most:
            return Picture(data, "image/png", *size, image.size)
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A"))
        image = flat
    while min(image.size) > 1:
        for quality in _QUALITIES:
            data = _saved(image, "JPEG", quality=quality)
            if len(data) <= most:
                return Picture(data, "image/jpeg", *size, image.size)
        image = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    return None


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
