"""The small agent with the house's tools from an OpenAPI document, in a plain LangChain program.

    python examples/own_tool.py "turn on the lamp"

Any HTTP API with an OpenAPI description works the same way: `ApiTools.fetch("http://127.0.0.1:8000")`.
"""

import sys

from sensebind.agent.assistant import Assistant
from sensebind.agent.chat_model import ChatSenseBind
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.tools.api import ApiTools
from sensebind.tools.clock import clock_tool


def main() -> None:
    with (
        SimHomeServer(0) as home,
        ApiTools.fetch(home.house) as house,
        Assistant(ChatSenseBind(), [clock_tool(), *house.tools()]) as assistant,
    ):
        record = assistant.ask(sys.argv[1])
        for call in record.tool_calls:
            print(f"[{call.name} {call.arguments}] {call.result}")
        print(record.assistant)


if __name__ == "__main__":
    main()
