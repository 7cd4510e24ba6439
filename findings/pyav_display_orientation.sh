#!/bin/sh
# PyAV 18.1.0 (FFmpeg in its wheel): of a video that is turned by its H.264 stream, the first frame has a display
# matrix, and after it some frame behind each key frame; of one that is turned by its container, every frame has it.
#
# H.264, D.2.27: with a repetition period of 1, which h264_metadata writes, a display orientation holds from the key
# frame that it comes with up to the next coded video sequence. Whoever turns each frame by its own side data turns
# one frame in each group, and not its first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" av==18.1.0 numpy==2.4.6
PYTHONPATH="$folder" python3 - "$folder" <<'P'
import sys
import av, numpy as np
from av.bitstream import BitStreamFilterContext

print("PyAV", av.__version__)
path = sys.argv[1] + "/v.h264"
with av.open(path, "w") as out:
    stream = out.add_stream("libx264", rate=10)
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 96, 64, "yuv420p", 5
    turn = BitStreamFilterContext("h264_metadata=display_orientation=insert:rotate=90", stream)
    frames = [av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), "rgb24") for _ in range(10)]
    for number, frame in enumerate(frames):
        frame.pts = number
    for packet in (one for frame in [*frames, None] for one in stream.encode(frame)):
        for turned in turn.filter(packet):
            out.mux(turned)
with av.open(path) as file:
    seen = ["DISPLAYMATRIX" in frame.side_data for frame in file.decode(video=0)]
print("frames with a display matrix:", *(int(one) for one in seen))
if seen != [True, *[False] * 8, True]:  # key frames are 0 and 5
    sys.exit("changed")
P
