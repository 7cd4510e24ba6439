#!/bin/sh
# soundfile 0.14.0 (libsndfile 1.2.2 in its wheel): of an Ogg file in which streams follow one another, only the
# first is counted and read, without an error.
#
# RFC 3533, section 4: logical bitstreams may be chained, one after the other, and a file of that kind is what
# results where Ogg files are joined or radio is recorded. FFmpeg plays it to its end.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" soundfile==0.14.0 numpy==2.4.6
PYTHONPATH="$folder" python3 - <<'P'
import io, sys
import numpy as np, soundfile

print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__)
seen = []
for subtype in ("VORBIS", "OPUS"):
    out = io.BytesIO()
    soundfile.write(out, np.sin(np.arange(48_000) / 10), 48_000, format="OGG", subtype=subtype)
    with soundfile.SoundFile(io.BytesIO(3 * out.getvalue())) as sound:
        seen.append((sound.frames, len(sound.read())))
    print(f"{subtype:7} three streams of 48000 samples: {seen[-1][0]} counted, {seen[-1][1]} read")
if seen != [(48_000, 48_000)] * 2:
    sys.exit("changed")
P
