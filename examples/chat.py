"""A LangChain chat model that sees, hears and scans: three questions in a simulated home.

    python examples/chat.py [SEED]

Pictures, sounds and point clouds are content blocks of the message, as LangChain has them.
"""

import base64
import io
import sys

import soundfile
from langchain_core.messages import HumanMessage
from PIL import Image

from sensebind.agent import ChatSenseBind
from sensebind.perception.simhome.home import SimHome


def encoded(data: io.BytesIO) -> str:
    return base64.b64encode(data.getvalue()).decode()


def main() -> None:
    chat = ChatSenseBind()
    with SimHome(int(sys.argv[1]) if len(sys.argv) > 1 else 7) as home:
        home.step(2.0)
        picture, sound = io.BytesIO(), io.BytesIO()
        Image.fromarray(home.camera()).save(picture, "PNG")
        soundfile.write(sound, home.microphone(), 16000, format="WAV")
        cloud = home.lidar().tolist()
    shown = [
        (
            "what do you see?",
            {"type": "image", "base64": encoded(picture), "mime_type": "image/png"},
        ),
        (
            "what do you hear?",
            {"type": "audio", "base64": encoded(sound), "mime_type": "audio/wav"},
        ),
        (
            "is anything near you?",
            {"type": "non_standard", "value": {"kind": "point_cloud", "points": cloud}},
        ),
    ]
    for question, block in shown:
        print(f"> {question}")
        for piece in chat.stream([HumanMessage([question, block])]):
            print(piece.text, end="", flush=True)
        print()


if __name__ == "__main__":
    main()
