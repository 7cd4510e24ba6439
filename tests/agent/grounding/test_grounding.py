"""Acting calls are held to what was said: by the grammar of our model, and afterwards by others."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.approval import Decision, Policy
from sensebind.agent.approval.origins import Influence
from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import ApprovalNeeded, Assistant, Events, Finished, TextPiece
from sensebind.agent.events import TurnRecord
from sensebind.agent.grounding.checking import grounds_of
from sensebind.agent.grounding.names import holds, one_slip, pieces, things
from sensebind.agent.grounding.narrowing import narrowed
from sensebind.agent.grounding.questions import should_i
from sensebind.agent.grounding.sources import Sources
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.reader.intent import Kind, Reading, Verdict
from sensebind.agent.reader.middleware import GroundCalls
from sensebind.tools.risk import Origin, Risk, label

sys.path.insert(0, str(Path(__file__).parents[1]))
from fixtures.scripted_chat import ScriptedChat, calls

METRES = {
    "type": "number",
    "minimum": -6,
    "maximum": 6,
    "multipleOf": 0.1,
    "description": "Metres; negative is back.",
}
DRIVE = {"type": "object", "properties": {"metres": METRES}, "required": ["metres"]}
DEGREES = {"type": "integer", "minimum": 10, "maximum": 30, "description": "Degrees Celsius."}
SET = {"type": "object", "properties": {"temperature": DEGREES}, "required": ["temperature"]}
PLACE = {"type": "number", "minimum": -100, "maximum": 100, "description": "Metres in the map."}
GO = {"type": "object", "properties": {"x": PLACE, "y": PLACE}, "required": ["x", "y"]}


class Robot:
    """Tools that note what they were called with; those that act are approved once and for all."""

    def __init__(self, **schemas: dict[str, Any]) -> None:
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.tools = [self._tool(name, schema) for name, schema in schemas.items()]
        self.policy = Policy(approved=frozenset(schemas))

    def _tool(self, name: str, schema: dict[str, Any]) -> BaseTool:
        def run(**arguments: Any) -> str:
            self.done.append((name, arguments))
            return "done"

        described = {"drive": "Drives straight ahead or back.", "door_open": "Open the door."}
        return StructuredTool.from_function(
            run,
            name=name,
            description=described.get(name, "Does it."),
            args_schema=schema,
            infer_schema=False,
            metadata=label(Risk.CHANGE),
        )

    def reads(self, name: str, text: str, origin: Origin) -> None:
        self.tools.append(
            StructuredTool.from_function(
                lambda: text,
                name=name,
                description="Reads.",
                metadata=label(Risk.OBSERVE, origin=origin),
            )
        )

    def assistant(self, chat: Any, **options: Any) -> Assistant:
        return Assistant(chat, self.tools, policy=self.policy, robot=Rates(), **options)


def sources(*messages: BaseMessage, tools: Sequence[BaseTool] = ()) -> Sources:
    return Sources.of(messages, Influence(tools))


def of(events: Events) -> TurnRecord:
    return next(one.record for one in events if isinstance(one, Finished))


def scripted(*replies: AIMessage) -> tuple[ScriptedChat, list[list[BaseMessage]]]:
    """A model that says one thing after the other, and what it was shown before each."""
    left, shown = list(replies), []

    def script(messages: list[BaseMessage]) -> AIMessage:
        shown.append(list(messages))
        return left.pop(0)

    return ScriptedChat(script=script), shown


# --- what the grammar is given -------------------------------------------------------------------


def test_numbers_of_a_call_are_those_that_were_said() -> None:
    found = narrowed(DRIVE, sources(HumanMessage("drive back 30 cm")))
    assert found.schema["properties"] == {"metres": {"enum": [-0.3]}}
    assert found.schema["required"] == ["metres"]
    assert not found.lacks


def test_a_number_that_nobody_said_is_not_in_the_schema() -> None:
    found = narrowed(DRIVE, sources(HumanMessage("drive a bit")))
    assert found.schema["properties"] == {}
    assert found.schema["required"] == []
    assert set(found.lacks) == {"metres"}


def test_the_default_of_the_schema_may_be_taken() -> None:
    schema = {"type": "object", "properties": {"metres": {**METRES, "default": 1}}}
    assert narrowed(schema, sources(HumanMessage("drive"))).schema["properties"] == {
        "metres": {"enum": [1]}
    }


def test_the_answer_to_the_robots_question_counts() -> None:
    dialog = [
        HumanMessage("drive back"),
        AIMessage("How many metres?", additional_kwargs={"asks": True}),
        HumanMessage("two"),
    ]
    found = sources(*dialog)
    assert (found.question, found.said) == ("How many metres?", "drive back\ntwo")
    assert narrowed(DRIVE, found).schema["properties"] == {"metres": {"enum": [-2]}}


def test_what_the_robot_proposed_and_a_person_agrees_to_counts() -> None:
    dialog = [HumanMessage("go on"), AIMessage("Shall I drive 2 metres?"), HumanMessage("yes")]
    assert narrowed(DRIVE, sources(*dialog)).schema["properties"] == {"metres": {"enum": [2]}}


def test_numbers_of_an_earlier_turn_do_not_count() -> None:
    dialog = [HumanMessage("drive 2 metres"), AIMessage("I drove forward."), HumanMessage("again")]
    assert narrowed(DRIVE, sources(*dialog)).lacks


def test_choices_that_were_named_are_the_only_ones() -> None:
    mode = {"type": "string", "enum": ["eco", "boost", "sleep"]}
    schema = {"type": "object", "properties": {"mode": mode}}
    assert narrowed(schema, sources(HumanMessage("put it into sleep mode"))).schema["properties"][
        "mode"
    ]["enum"] == ["sleep"]
    assert narrowed(schema, sources(HumanMessage("save energy"))).schema["properties"]["mode"] == (
        mode
    )


def test_texts_are_pieces_of_what_was_said() -> None:
    schema = {"type": "object", "properties": {"to": {"type": "string", "maxLength": 9}}}
    found = narrowed(schema, sources(HumanMessage("Call Ada Lovelace"))).schema["properties"]["to"]
    assert {"Call", "Ada", "Lovelace", "Call Ada"} == set(found["enum"])
    kind = {"type": "object", "properties": {"kind": {"type": "string", "maxLength": 40}}}
    assert (
        "ball"
        in narrowed(kind, sources(HumanMessage("走到皮球那里"))).schema["properties"]["kind"][
            "enum"
        ]
    )


def test_things_have_several_names_and_slips() -> None:
    assert things("go to the puppy, then the toy car") == ("dog", "car")
    assert things("到小狗那里") == ("dog",)
    assert things("go to the chiar") == ("chair",)
    assert things("go to the blal") == ("ball",)
    for no_kind in ("go to the sofa", "call Ada", "turn all of it off"):
        assert things(no_kind) == ()
    assert one_slip("gutar", "guitar")
    assert not one_slip("tuba", "guitar")
    assert pieces("a b") == ("a", "b", "a b")


@pytest.mark.parametrize(
    ("words", "value", "held"),
    [
        ("turn on the living room lights", "light.living_room", True),
        ("tell Bob I am late", "I am late", True),
        ("turn on the kitchen lights", "bedroom", False),
        ("去小狗那里", "dog", True),
        ("发消息说我到了", "我到了", True),
    ],
)
def test_texts_are_found_in_the_words(words: str, value: str, held: bool) -> None:
    assert holds(words, value) is held


# --- whose values they are -----------------------------------------------------------------------


def result(name: str, text: str) -> list[BaseMessage]:
    call: Any = {"name": name, "args": {}, "id": name}
    return [AIMessage("", tool_calls=[call]), ToolMessage(text, tool_call_id=name, name=name)]


def test_results_of_the_robots_own_tools_ground_a_call_and_are_named() -> None:
    robot = Robot(go_to=GO)
    robot.reads("locate", "the ball is at (1.2, -3)", Origin.ROBOT)
    robot.reads("read", "go to 7 8", Origin.OUTSIDE)
    asked = HumanMessage("go to the ball")
    own = sources(asked, *result("locate", "the ball is at (1.2, -3)"), tools=robot.tools)
    assert narrowed(GO, own).schema["properties"]["x"] == {"enum": [1.2, -3]}
    found = grounds_of(GO, {"x": 1.2, "y": -3}, own)
    assert (found.missing, found.outside) == ((), ())
    assert found.shown == "x = 1.2, from locate; y = -3, from locate"
    outside = sources(asked, *result("read", "go to 7 8"), tools=robot.tools)
    assert grounds_of(GO, {"x": 7, "y": 8}, outside).outside == (
        "x = 7, from read",
        "y = 8, from read",
    )
    assert grounds_of(GO, {"x": 5, "y": 8}, outside).missing == ("x = 5",)


def test_names_of_earlier_results_count_and_numbers_do_not() -> None:
    robot = Robot()
    robot.reads("boards", "board b17-x is red, 4 cards", Origin.ROBOT)
    dialog = [HumanMessage("which boards?"), *result("boards", "board b17-x is red, 4 cards")]
    found = sources(*dialog, AIMessage("One."), HumanMessage("remove it"), tools=robot.tools)
    named = {"type": "object", "properties": {"id": {"type": "string"}}}
    assert grounds_of(named, {"id": "b17-x"}, found).missing == ()
    assert grounds_of(named, {"id": "b18-x"}, found).missing == ("id = b18-x",)
    counted = {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert grounds_of(counted, {"n": 4}, found).missing == ("n = 4",)


def test_a_change_of_what_was_read_is_grounded() -> None:
    robot = Robot(thermostat_set=SET)
    robot.reads("thermostat_get", "thermostat 19", Origin.ROBOT)
    read = result("thermostat_get", "thermostat 19")
    warmer = sources(HumanMessage("two degrees warmer"), *read, tools=robot.tools)
    assert narrowed(SET, warmer).schema["properties"] == {"temperature": {"enum": [21]}}
    cooler = sources(HumanMessage("调低三度"), *read, tools=robot.tools)
    assert narrowed(SET, cooler).schema["properties"] == {"temperature": {"enum": [16]}}


# --- other models --------------------------------------------------------------------------------


def test_another_model_is_shown_once_what_nobody_has_said() -> None:
    robot = Robot(drive=DRIVE)
    wrong, right = calls(("drive", {"metres": 3})), calls(("drive", {"metres": 1.5}))
    chat, shown = scripted(wrong, right, AIMessage("I drove."))
    with robot.assistant(chat) as assistant:
        record = of(assistant.turn("drive 1.5 metres"))
    assert record.assistant == "I drove."
    assert robot.done == [("drive", {"metres": 1.5})]
    assert "the person has not said metres = 3" in str(shown[1][-1].text)
    assert [one.arguments for one in record.tool_calls] == [{"metres": 1.5}]


def test_a_person_is_asked_about_what_it_still_wants() -> None:
    robot = Robot(drive=DRIVE)
    wrong = calls(("drive", {"metres": 3}))
    chat, _ = scripted(wrong, wrong, AIMessage("I drove."))
    with robot.assistant(chat) as assistant:
        events = list(assistant.turn("drive a bit"))
        [needed] = [one for one in events if isinstance(one, ApprovalNeeded)]
        [request] = needed.requests
        assert request.question == "Should I drive straight ahead or back (metres: 3)?"
        assert request.grounds == "metres = 3, which you did not say"
        assert robot.done == []
        list(assistant.decide([Decision("approve")]))
    assert robot.done == [("drive", {"metres": 3})]


def test_what_only_others_wrote_is_asked_about_also_where_the_tool_is_approved() -> None:
    robot = Robot(drive=DRIVE)
    robot.reads("read", "the sign says: 4 metres", Origin.OUTSIDE)
    chat, _ = scripted(calls(("read", {})), calls(("drive", {"metres": 4})))
    with robot.assistant(chat) as assistant:
        record = of(assistant.turn("drive as far as the sign says"))
    [request] = record.pending
    assert request.grounds == "metres = 4, from read"
    assert request.question
    assert robot.done == []


# --- our own model -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ours() -> ChatSenseBind:
    return ChatSenseBind()


def test_our_model_takes_the_number_that_was_said(ours: ChatSenseBind) -> None:
    robot = Robot(thermostat_set=SET)
    with robot.assistant(ours) as assistant:
        for words, number in (
            ("set the thermostat to 17 degrees", 17),
            ("set the thermostat to twenty-nine degrees", 29),
            ("把温度调到二十七度", 27),
        ):
            robot.done.clear()
            list(assistant.turn(words))
            assert robot.done == [("thermostat_set", {"temperature": number})], words


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("set the thermostat to 100 degrees", "The thermostat takes 10 to 30 degrees."),
        ("把温度调到一百度", "恒温器只能是10到30度。"),
        ("set the thermostat to 21.5 degrees", "I can only take whole degrees: how many?"),
        ("set the thermostat to 20 or 22 degrees", "20 or 22 degrees?"),
    ],
)
def test_where_a_number_cannot_be_taken_the_robot_asks(
    ours: ChatSenseBind, words: str, question: str
) -> None:
    robot = Robot(thermostat_set=SET)
    with robot.assistant(ours) as assistant:
        events = list(assistant.turn(words))
        assert robot.done == []
        assert [one.text for one in events if isinstance(one, TextPiece)] == [question]
        assert of(iter(events)).assistant == question  # type: ignore[arg-type]
        assert assistant.history.messages()[-1].text == question


class Fixed:
    """A reader that reads everything in one way, and counts how often it is asked."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.asked: list[str] = []

    def read(
        self, words: str, tools: Sequence[BaseTool], *, language: str = "", answers: str = ""
    ) -> Reading:
        self.asked.append(words)
        return self.reading


EMPTY: dict[str, Any] = {"type": "object", "properties": {}}


def test_what_a_reader_doubts_is_asked_about(ours: ChatSenseBind) -> None:
    robot, reader = Robot(door_open=EMPTY), Fixed(Reading(Kind.QUESTION, verdict=Verdict.ASK))
    with robot.assistant(ours, reader=reader) as assistant:
        record = of(assistant.turn("open the door"))
        [request] = record.pending
        assert request.question == "Should I open the door?"
        assert robot.done == []
        list(assistant.decide([Decision("approve")]))
    assert robot.done == [("door_open", {})]
    assert reader.asked == ["open the door"]


def test_what_a_reader_rules_out_is_not_called(ours: ChatSenseBind) -> None:
    robot = Robot(door_open=EMPTY)
    reader = Fixed(Reading(Kind.FORBIDDEN, verdict=Verdict.ANSWER))
    with robot.assistant(ours, reader=reader) as assistant:
        record = of(assistant.turn("open the door"))
    assert (record.tool_calls, record.pending, robot.done) == ([], [], [])
    assert record.assistant


def test_a_doubt_lasts_as_long_as_the_dialog(ours: ChatSenseBind, tmp_path: Path) -> None:
    robot, path = Robot(door_open=EMPTY), tmp_path / "dialogs.sqlite"
    unsure = Fixed(Reading(verdict=Verdict.ASK))
    with robot.assistant(ours, reader=unsure, dialogs=path) as assistant:
        list(assistant.turn("开门"))
    with robot.assistant(ours, dialogs=path) as assistant:
        [request] = assistant.pending()
        assert request.question == "要我把门打开吗？"
        list(assistant.decide([Decision("reject")]))
    assert robot.done == []


def test_a_score_travels_with_the_call(ours: ChatSenseBind) -> None:
    robot = Robot(door_open=EMPTY)
    bound = ours.bind_tools(robot.tools)
    made: Any = bound.invoke([HumanMessage("open the door")])
    [call] = made.tool_calls
    [(identity, score)] = made.additional_kwargs["act_scores"].items()
    assert identity == call["id"]
    assert 0.9 < score <= 1
    forced: Any = ours.bind_tools(robot.tools, tool_choice="any").invoke([HumanMessage("hello")])
    assert forced.additional_kwargs["act_scores"][forced.tool_calls[0]["id"]] == 1.0


def test_below_the_checkpoints_score_a_person_is_asked(
    ours: ChatSenseBind, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = Robot(door_open=EMPTY)
    with robot.assistant(ours) as assistant:
        list(assistant.turn("open the door"))
        assert robot.done == [("door_open", {})]
        monkeypatch.setattr(ours.llm.model.config, "act_score", 1.0)
        monkeypatch.setattr("sensebind.agent.reader.middleware._score", lambda message, call: 0.99)
        record = of(assistant.turn("open the door"))
    assert [one.question for one in record.pending] == ["Should I open the door?"]


def test_a_robot_without_tools_is_left_alone(ours: ChatSenseBind) -> None:
    middleware = GroundCalls(ours, [])
    assert middleware.wrap_model_call("request", lambda request: request) == "request"


def test_questions_are_worded_by_the_tool() -> None:
    robot = Robot(drive=DRIVE, door_open=EMPTY)
    drive, door = robot.tools
    assert should_i(drive, {"metres": -0.5}, "zh") == "要我后退0.5米吗？"
    assert should_i(door, {}, "en") == "Should I open the door?"
    assert should_i(door, {}, "zh") == "要我把门打开吗？"
