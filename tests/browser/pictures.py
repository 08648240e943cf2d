"""Writes small image files of pages: images with few colours use one byte a pixel."""

from io import BytesIO

from PIL import Image


def reduced(png: bytes) -> bytes:
    """The picture in at most 256 colours."""
    with Image.open(BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    file = BytesIO()
    few.save(file, "PNG", optimize=True)
    return file.getvalue()
