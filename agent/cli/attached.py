"""What commands ask of a robot that runs, as its clients. Without Typer: see `plain`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sensebind.errors import ConfigurationError, InputError, SenseBindError
from sensebind.printable import printable, printable_json


def stop_running(robot: Path, reason: str = "") -> int:
    """Stop a robot.

    A file that is half written keeps nobody from stopping: the robot that it seems to be of, or the
    only one that runs, is stopped then, and what is wrong with the file is said.

    Args:
        robot: Its file.
        reason: For the audit log.

    Raises:
        ConfigurationError: The file names no robot that runs, or one without a language model.
        BusError: The robot does not run, or did not answer.
    """
    from sensebind.agent.robot.address import RobotAddress
    from sensebind.agent.robot.running import RunningRobot

    wrong = ""
    try:
        address = RobotAddress.read(robot)
    except ConfigurationError as error:
        if (address := RobotAddress.meant(robot)) is None:
            raise
        wrong = f"{error}; stopped {address.name}, which runs"
    RunningRobot(address).stop(reason or "sensebind stop")
    if wrong:
        print(printable(wrong), file=sys.stderr)
    print("stopped")
    return 0


def check_question(question: str) -> None:
    """Refuse a question without words.

    Raises:
        InputError: There are none.
    """
    if not question.strip():
        raise InputError("the question is empty")


def ask_running(
    question: str,
    attach: Path,
    thread: str = "default",
    as_json: bool = False,
    media: Sequence[Mapping[str, Any]] = (),
) -> int:
    """Ask a robot.

    Args:
        question: What is asked.
        attach: The robot's file.
        thread: Name of the dialog.
        as_json: Print the turn's record.
        media: Content blocks that come with the question.

    Returns:
        0, or 1 when a call waits for a person's approval.

    Raises:
        SenseBindError: The robot cannot be asked, or failed to answer.
    """
    check_question(question)
    from sensebind.agent.events import Finished, TextPiece, TurnRecord
    from sensebind.agent.robot.address import RobotAddress
    from sensebind.agent.robot.client import AttachedRobot

    client = AttachedRobot(RobotAddress.read(attach), thread)
    record, said = TurnRecord(question), ""
    for event in client.turn(question, media):
        if isinstance(event, Finished):
            record = event.record
            continue
        said = said + event.text if isinstance(event, TextPiece) else ""
        if isinstance(event, TextPiece) and not as_json:
            print(printable(event.text, lines=True), end="", flush=True)
    if record.error:
        raise SenseBindError(record.error)
    if as_json:
        print(printable_json(record.as_json()))
    else:  # the end of the line, or all of it, of a model that does not stream
        print("" if said else printable(record.assistant, lines=True))
    if record.pending:
        names = ", ".join(one.tool for one in record.pending)
        print(
            f"{names} waits for approval: decide with `sensebind chat {attach} --attach "
            f"--thread {thread}`",
            file=sys.stderr,
        )
        return 1
    return 0
