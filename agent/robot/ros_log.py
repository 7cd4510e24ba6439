"""The robot's log as ROS shows it: records of `sensebind` for /rosout."""

from __future__ import annotations

from typing import Any

from sensebind.agent.robot.kept_log import KeptLog
from sensebind.credentials import without_credentials
from sensebind.perception.ros.messages import log_message


class RosLog(KeptLog):
    """Keeps what is logged until it is published on a ROS 2 graph."""

    def take(self) -> list[Any]:
        """Return the messages that wait, oldest first."""
        return [
            log_message(
                int(record.created * 1e9),
                record.levelno,
                record.name,
                without_credentials(record.getMessage()),
                file=record.filename,
                function=record.funcName or "",
                line=record.lineno,
            )
            for record in self.taken()
        ]
