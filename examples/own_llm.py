"""A language model of your own: any LangChain chat model drives the agent.

    python examples/own_llm.py

It takes no embeddings, so what the robot perceives reaches it in words (`SensesInWords`): tags of
each sense with their scores and ages. This one just repeats what it has read.
"""

import time
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from sensebind.agent import Assistant
from sensebind.agent.conditioning.sensed import Sensed, SenseState
from sensebind.agent.conditioning.tagging import Tagger
from sensebind.agent.conditioning.text import SensesInWords
from sensebind.checkpoints import default_checkpoint
from sensebind.perception.encoders.imagebind import SenseEncoder
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.simhome.catalog import KINDS
from sensebind.perception.simhome.home import SimHome


class Scripted(BaseChatModel):
    """A chat model that is a function of the messages."""

    script: Any

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable:
        return self.bind(**kwargs)

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.script(messages))])


class Glance:
    """What a SimHome robot sees, looked at when it is asked for; on a robot, use `Awareness`."""

    def __init__(self, home: SimHome) -> None:
        self._home = home
        self._encoder = SenseEncoder.from_pretrained(
            default_checkpoint() / "imagebind", Modality.VISION
        )

    def snapshot(self) -> tuple[dict[str, Percept], tuple[Sensed, ...]]:
        now, ns = time.monotonic(), time.time_ns()
        picture = Observation(self._home.camera(), "camera", Modality.VISION, ns, now, 0, "camera")
        embedding = self._encoder.encode(picture)
        assert embedding is not None
        header = PerceptHeader(
            stream="camera",
            modality=Modality.VISION,
            sequence=0,
            captured_at=ns,
            monotonic=now,
            published_at=ns,
            shape=embedding.shape,
            observation=picture.reference,
        )
        sensed = Sensed("sight", "camera", SenseState.PRESENT, picture.reference, ns, 0.0)
        return {"camera": Percept(header, embedding)}, (sensed,)


def parrot(messages: list[BaseMessage]) -> AIMessage:
    return AIMessage(f"I have read: {messages[-1].text}")


def main() -> None:
    with SimHome(7) as home:
        senses = SensesInWords(Glance(home), Tagger(default_checkpoint(), list(KINDS)))
        with Assistant(Scripted(script=parrot), senses=senses) as assistant:
            print(assistant.ask("what is there?").assistant)


if __name__ == "__main__":
    main()
