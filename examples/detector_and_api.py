"""A detector and a house's API in one agent: it counts what it sees, and switches what it may.

    python examples/detector_and_api.py ["how many balls are there?" "turn on the lamp"]

The switches change the world, so each call is shown to a person first; here that person agrees
to everything but the door.
"""

import sys

from sensebind.agent import Assistant, ChatSenseBind, Decision, Request
from sensebind.checkpoints import default_checkpoint
from sensebind.perception.percept import Observation
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.sources.simhome import SimHomeSource
from sensebind.tools.api import ApiTools
from sensebind.tools.clock import clock_tool
from sensebind.tools.detection import Detector, detect_tool


def person(request: Request) -> Decision:
    if request.tool.startswith("door"):
        return Decision("reject", reason="the door stays as it is")
    print(f"(approved: {request.tool})")
    return Decision("approve")


def main() -> None:
    questions = sys.argv[1:] or ["how many balls are there?", "turn on the lamp", "open the door"]
    with (
        SimHomeServer(7) as home,
        SimHomeSource(home.sensors, "camera") as camera,
        ApiTools.fetch(home.house, private=["127.0.0.1"]) as house,
    ):

        def frame() -> Observation:
            return camera.read_latest(max_age=1.0, timeout=2.0)

        tools = [clock_tool(), *house.tools()]
        trained = default_checkpoint() / "detector"
        if trained.is_dir():
            tools.append(detect_tool(Detector.from_pretrained(trained), frame))
        with Assistant(ChatSenseBind(), tools, approve=person) as assistant:
            for question in questions:
                record = assistant.ask(question)
                print(f"> {question}")
                for call in record.tool_calls:
                    print(f"[{call.name} {call.arguments}] {call.result}")
                print(record.assistant)


if __name__ == "__main__":
    main()
