"""A LangChain chat model that sees: one picture, one question.

python examples/ask_about_a_picture.py PICTURE "what do you see?"
"""

import sys
from pathlib import Path

from langchain_core.messages import HumanMessage

from sensebind.agent import ChatSenseBind


def main() -> None:
    picture, question = Path(sys.argv[1]), sys.argv[2]
    message = HumanMessage([question, {"type": "image", "path": str(picture)}])
    for piece in ChatSenseBind().stream([message]):
        print(piece.text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
