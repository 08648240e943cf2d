"""Small files of pictures of pages: what has few colours needs one byte a pixel."""

import base64
import json
import struct
import zlib

from playwright.sync_api import Page

# The numbers of the pixels' colours, line by line, and the colours: the frequent ones as they are, the others rounded.
REDUCE = """async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const pixels = new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
    const often = (colors, most) => {
        const counts = new Map();
        for (const color of colors) counts.set(color, (counts.get(color) ?? 0) + 1);
        return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, most).map(([color]) => color);
    };
    const exact = often(pixels, 112);
    const palette = [...new Set([...exact, ...often(pixels.map((color) => (color & 0xf0f0f0f0) | 0x080808), 144)])];
    const parts = (color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255];
    const points = palette.map(parts);
    const nearest = new Map();
    const find = (color) => {
        const [r, g, b] = parts(color);
        let best = 0;
        let least = Infinity;
        points.forEach(([x, y, z], index) => {
            const distance = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
            if (distance < least) [best, least] = [index, distance];
        });
        return best;
    };
    const indices = new Uint8Array(pixels.length);
    pixels.forEach((color, index) => {
        if (!nearest.has(color)) nearest.set(color, find(color));
        indices[index] = nearest.get(color);
    });
    let text = "";
    for (let at = 0; at < indices.length; at += 8192) text += String.fromCharCode(...indices.subarray(at, at + 8192));
    return JSON.stringify({ width: image.width, height: image.height, palette: points, indices: btoa(text) });
}"""


def reduced(png: bytes, page: Page) -> bytes:
    """The picture in at most 256 colours. `page` is any: its browser reads the picture."""
    found = json.loads(page.evaluate(REDUCE, "data:image/png;base64," + base64.b64encode(png).decode()))
    width, height = found["width"], found["height"]
    pixels = base64.b64decode(found["indices"])
    lines = b"".join(b"\0" + pixels[start : start + width] for start in range(0, len(pixels), width))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(map(bytes, found["palette"]))),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
