#!/bin/sh
# pye57 0.4.19: the bounding box that write_scan_raw stores with a turned scan leaves out points of the scan, and may
# have its smallest x above its largest.
#
# E57 (ASTM E2807) gives each scan a cartesianBounds that all its points lie in, from which a viewer takes what to
# load. pye57 turns two corners of the box by the pose (the lowest and the highest one) and stores what comes out.
# With no rotation the box is right; with one of 45 degrees the points of a square lie on both sides of a box that is
# 0 wide; with one of 90 degrees the minimum is the maximum. The points themselves come back right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pye57==0.4.19 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - >seen <<'P'
from importlib.metadata import version

import numpy as np
import pye57

SQUARE = {"cartesianX": [0.0, 1, 1, 0], "cartesianY": [0.0, 0, 1, 1], "cartesianZ": [0.0, 0, 0, 0]}
print("pye57", version("pye57"), "- a square of one metre, turned about the z axis")
for degrees in (0, 45, 90):
    half = np.radians(degrees) / 2
    with pye57.E57("scan.e57", "w") as file:
        file.write_scan_raw(
            {name: np.array(values) for name, values in SQUARE.items()},
            rotation=np.array([np.cos(half), 0.0, 0.0, np.sin(half)]),
            translation=np.zeros(3),
        )
    with pye57.E57("scan.e57") as file:
        header = file.get_header(0)
        x = file.read_scan(0, ignore_missing_fields=True)["cartesianX"]
        own = file.read_scan(0, ignore_missing_fields=True, transform=False)["cartesianX"]
        box = [round(float(side), 2) + 0.0 for side in (header.xMinimum, header.xMaximum)]
        read = [round(float(side), 2) + 0.0 for side in (x.min(), x.max(), own.min(), own.max())]
    print(f"{degrees} degrees: x of the points {read[0]} to {read[1]}, untransformed {read[2]} to {read[3]}; "
          f"stored bounds {box[0]} to {box[1]}")
P
cat seen
grep -q "^0 degrees: x of the points 0.0 to 1.0, untransformed 0.0 to 1.0; stored bounds 0.0 to 1.0$" seen
grep -q "^45 degrees: x of the points -0.71 to 0.71, untransformed 0.0 to 1.0; stored bounds 0.0 to 0.0$" seen
grep -q "^90 degrees: x of the points -1.0 to 0.0, untransformed 0.0 to 1.0; stored bounds 0.0 to -1.0$" seen
