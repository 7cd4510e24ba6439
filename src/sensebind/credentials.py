"""Takes logins and passwords out of texts before anybody sees them.

People write passwords into the addresses of their cameras, in every way that the makers invented:
`rtsp://user:password@host`, `…?user=admin&pwd=…`, `…/user=admin&password=…&channel=1`. Messages of
errors, logs, `sensebind top` and recordings are read by others, and copied into bug reports.
"""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["clean_logs", "without_credentials"]


def without_credentials(text: str) -> str:
    """Return a text in which no address shows a login or a password.

    Whatever stands before the last `@` of an address is taken to be its login, as passwords hold
    `/`, `:`, `@` and blanks themselves; and so is the value of each parameter whose name says so,
    and what headers such as `Authorization` and `Cookie` hold. So is what stands behind the name of
    a secret (`password: pw`, `API_KEY=k`, `--token k`), and a login of curl (`-u me:pw`). The name
    of a key in an address of the bus (`tcp://rover@10.0.0.5:7000`) is public and stays.

    Args:
        text: An address, or any text in which there may be some, such as the message of an error.

    Example:
        >>> without_credentials("no answer from rtsp://me:p@ss/word@10.0.0.7/h264?token=1f")
        'no answer from rtsp://…@10.0.0.7/h264?token=…'
    """
    from sensebind.credential_search import hide  # compiles its patterns, which takes 10 ms

    return hide(text)


def clean_logs() -> None:
    """Let no record of this process's logs show a login, whoever logs it.

    For the beginning of a program: it replaces the factory of `logging`. Calling it again changes
    nothing.
    """
    make = logging.getLogRecordFactory()
    if make is not _record:
        logging.setLogRecordFactory(_record)


def _record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """Return a record whose message is whole, and without logins.

    Records are made by whoever logs, before any handler: what fails here fails in his place, as in
    a thread that watches others. So a line whose values do not fit it is logged as it is.
    """
    record = logging.LogRecord(*args, **kwargs)
    record.msg, record.args = without_credentials(_message(record)), ()
    if record.exc_info:
        record.exc_text = without_credentials(logging.Formatter().formatException(record.exc_info))
    return record


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # of whatever is logged: its `__str__` may be anybody's
        line = record.msg if isinstance(record.msg, str) else f"a {type(record.msg).__name__}"
        return f"{line} [its values do not fit it: {type(error).__name__}]"
