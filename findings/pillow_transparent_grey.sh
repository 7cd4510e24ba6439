#!/bin/sh
# Pillow 13.0.0: the transparent grey of a PNG of 2 or 4 bits is compared with samples in other units.
#
# PNG (third edition, 11.3.1.1): tRNS of a grey image holds a sample as it is stored, in the least
# significant bits of a number of 16; the others are masked. Pillow spreads stored samples of 2 and
# 4 bits over 0 to 255 and leaves that number as it is, so that a transparent grey becomes opaque,
# and one that is not transparent may vanish. With 1 bit, bits that should be masked count.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" pillow==13.0.0
PYTHONPATH="$folder" python3 - <<'P'
import io, struct, sys, zlib

import PIL
from PIL import Image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def grey(bits: int, row: bytes, width: int, transparent: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, 1, bits, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"tRNS", struct.pack(">H", transparent)), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in parts)


print("Pillow", PIL.__version__)
shown = {}
for name, file in {
    "8 bits, 0 and 170, 170 is transparent": grey(8, b"\x00\xaa", 2, 170),
    "4 bits, 0 and 10, 10 is transparent": grey(4, b"\x0a", 2, 10),
    "2 bits, 0 and 2, 2 is transparent": grey(2, b"\x20", 2, 2),
    "1 bit, 0 and 1, 0xfffe is 0 once masked": grey(1, b"\x40", 2, 0xFFFE),
}.items():
    image = Image.open(io.BytesIO(file)).convert("RGBA")
    shown[name] = [image.getpixel((x, 0))[3] for x in (0, 1)]
    print(f"{name}: alpha {shown[name]}")
if list(shown.values()) != [[255, 0], [255, 255], [255, 255], [255, 0]]:
    sys.exit("changed")
P
