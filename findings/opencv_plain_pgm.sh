#!/bin/sh
# opencv-python-headless 5.0.0.93: a PGM in letters is read only if something follows its last digit.
#
# The PGM page of Netpbm separates samples by white space and asks for none after the last one;
# Netpbm and Pillow read both files. OpenCV returns None for the second.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
PYTHONPATH="$folder" python3 - <<'P' 2>/dev/null
import io, sys

import cv2
import numpy as np
from PIL import Image

print("OpenCV", cv2.__version__)
found = []
for end in (b"\n", b""):
    data = b"P2\n2 1\n255\n17 34" + end
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    found.append(None if image is None else image.tolist())
    print(f"ends with {end!r:6} OpenCV: {found[-1]}  Pillow: {list(Image.open(io.BytesIO(data)).tobytes())}")
if found != [[[17, 34]], None]:
    sys.exit("changed")
P
