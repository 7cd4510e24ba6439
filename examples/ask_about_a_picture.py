"""A LangChain chat model that sees: one picture, one question.

python examples/ask_about_a_picture.py PICTURE "what do you see?"
"""

import sys
from pathlib import Path

from langchain_core.messages import HumanMessage

from sensebind.agent.chat_model import ChatSenseBind
from sensebind.agent.file_senses import FileSenses
from sensebind.checkpoints import default_checkpoint


def main() -> None:
    picture, question = Path(sys.argv[1]), sys.argv[2]
    checkpoint = default_checkpoint()
    chat = ChatSenseBind(model=str(checkpoint))
    condition = FileSenses(checkpoint, ["vision"]).condition(
        {"vision": picture}, senses=chat.brain.senses, dim=chat.brain.bind_dim
    )
    chat.conditions.put(condition)  # the message carries a reference, never the embedding
    message = HumanMessage(question, additional_kwargs={"condition": condition.reference})
    for piece in chat.stream([message]):
        print(piece.text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
