#!/bin/sh
# espeakng-loader 0.2.4 (eSpeak NG 1.52.0): in SSML, a break of 500ms is half a second, one of 0.5s is none at all.
#
# SSML 1.1 (3.2.3) takes a break's time as CSS 2 writes it: a number with or without a decimal point, and ms or s.
# Milliseconds come out to a few hundredths of a second, with a point too, and whole seconds as well. Seconds with a
# point, 1.0s and 1.5s among them, are a break of 0: no pause, no error, and the words follow each other at once.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check espeakng-loader==0.2.4
"$folder/venv/bin/python" - >"$folder/seen" <<'P'
import ctypes
from importlib.metadata import version

import espeakng_loader

AUDIO_OUTPUT_RETRIEVAL, POS_CHARACTER, UTF8, SSML = 1, 1, 1, 0x10
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
espeak = ctypes.CDLL(espeakng_loader.get_library_path())
espeak.espeak_Info.restype = ctypes.c_char_p
rate = espeak.espeak_Initialize(AUDIO_OUTPUT_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
samples = 0


@Callback
def count(wave, number, events):
    global samples
    samples += max(number, 0)
    return 0


def seconds(element: str) -> float:
    """The length of two words with something between them."""
    global samples
    samples = 0
    text = f"<speak>one {element} two</speak>".encode()
    espeak.espeak_Synth(text, len(text) + 1, 0, POS_CHARACTER, 0, UTF8 | SSML, None, None)
    espeak.espeak_Synchronize()
    return samples / rate


espeak.espeak_SetSynthCallback(count)
espeak.espeak_SetVoiceByName(b"en-us")
print("espeakng-loader", version("espeakng-loader"), "eSpeak NG", espeak.espeak_Info(None).decode())
none = seconds('<break time="0ms"/>')
for time in ("500ms", "0.5s", "1s", "1.0s", "1500ms", "1.5s", "300ms", "300.5ms"):
    longer = seconds(f'<break time="{time}"/>') - none
    print(f"{time}: {abs(round(longer, 1))} s")
P
cat "$folder/seen"
for line in "500ms: 0.5" "0.5s: 0.0" "1s: 1.0" "1.0s: 0.0" "1500ms: 1.5" "1.5s: 0.0" "300ms: 0.3" "300.5ms: 0.3"; do
    grep -q "^$line s$" "$folder/seen" || { echo "changed: $line"; exit 1; }
done
