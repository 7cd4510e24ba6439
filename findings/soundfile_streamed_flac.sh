#!/bin/sh
# soundfile 0.14.0 (libsndfile 1.2.2 in its wheel): of a FLAC that was written to a pipe, only reads that stay
# before its end succeed; read() and blocks() fail, and so does every read that reaches the end.
#
# RFC 9639, 8.2: a total number of samples of 0 in STREAMINFO means that it is unknown, which is what
# an encoder that writes to a pipe leaves there. FFmpeg and flac read such files.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" soundfile==0.14.0 numpy==2.4.6
PYTHONPATH="$folder" python3 - <<'P'
import io, sys
import numpy as np, soundfile

print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__)
out = io.BytesIO()
soundfile.write(out, np.sin(np.arange(16_000) / 10), 16_000, format="FLAC")
data = bytearray(out.getvalue())
at = 18  # "fLaC", block header, block and frame sizes; then rate, channels, bits, and 36 bits of total
known = int.from_bytes(data[at : at + 8], "big")
assert known & (2**36 - 1) == 16_000
data[at : at + 8] = (known & ~(2**36 - 1)).to_bytes(8, "big")

seen = []
for how, read in {
    "read()": lambda sound: len(sound.read()),
    "read(1000)": lambda sound: len(sound.read(1000)),
    "read(16001)": lambda sound: len(sound.read(16_001)),
    "blocks(1000)": lambda sound: sum(map(len, sound.blocks(1000))),
}.items():
    with soundfile.SoundFile(io.BytesIO(bytes(data))) as sound:
        frames = sound.frames
        try:
            seen.append(str(read(sound)))
        except (RuntimeError, ValueError) as error:
            seen.append(type(error).__name__)
        print(f"{how:14} frames {frames}: {seen[-1]} of 16000 samples")
if seen != ["ValueError", "1000", "LibsndfileError", "LibsndfileError"]:
    sys.exit("changed")
P
