"""`sensebind ask`: one question about files, on any checkpoint directory."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from sensebind.agent.cli import inputs
from sensebind.agent.cli.attached import ask_running, check_question
from sensebind.agent.cli.options import Checkpoint, Json, weights
from sensebind.agent.cli.output import lightly, loading
from sensebind.console import console
from sensebind.errors import InputError
from sensebind.printable import printable, printable_json

_SMALL = 500_000_000
"""Bytes of weights below which one thread answers as fast as several."""
_THREAD = "default"


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    image: inputs.Image = None,
    video: inputs.Video = None,
    audio: inputs.Audio = None,
    text: inputs.Text = None,
    depth: inputs.Depth = None,
    thermal: inputs.Thermal = None,
    imu: inputs.Imu = None,
    points: inputs.Points = None,
    weight: inputs.Weight = None,
    mix: Annotated[
        Literal["slots", "sum"] | None,
        typer.Option(help="Each sense in its slot, or the weighted sum; slots if there are any."),
    ] = None,
    checkpoint: Checkpoint = None,
    attach: Annotated[
        Path | None,
        typer.Option(
            help="Ask a robot that `sensebind run` started; its YAML file.", metavar="ROBOT"
        ),
    ] = None,
    thread: Annotated[
        str, typer.Option(help="With --attach: name of the dialog; an old one goes on.")
    ] = _THREAD,
    as_json: Json = False,
) -> int:
    """Ask one question about files, or a running robot what it perceives."""
    check_question(question)
    files = inputs.given(
        image=image,
        video=video,
        audio=audio,
        text=text,
        depth=depth,
        thermal=thermal,
        imu=imu,
        points=points,
    )
    inputs.check_files(files)
    if attach is not None:
        unfit = {
            "--checkpoint": checkpoint,
            "--mix": mix,
            "--weight": weight,
            "--text": text,
            "--depth": depth,
            "--thermal": thermal,
            "--imu": imu,
        }
        if named := [option for option, value in unfit.items() if value]:
            raise InputError(f"{', '.join(named)} is for files alone, without --attach")
        media = [inputs.block_of(Path(file)) for file in files.values()]
        return ask_running(question, attach, thread, as_json, media)
    if thread != _THREAD:
        raise InputError("--thread is for a dialog with a running robot: give --attach as well")
    shares = inputs.parse_weights(weight or ())
    directory = weights(checkpoint)
    with loading("reading the weights"), lightly():
        import torch
        from rich.markup import escape

        if sum(file.stat().st_size for file in directory.rglob("*.safetensors")) < _SMALL:
            torch.set_num_threads(1)  # more would spend their time waiting for each other
        from sensebind.agent.conditioning.media_encoder import MediaEncoder
        from sensebind.agent.events import PerceptRecord, TurnRecord
        from sensebind.agent.llm.checkpoint import load_llm
        from sensebind.agent.llm.one_question import answer
        from sensebind.perception.imagebind.guard import purpose

        llm = load_llm(directory)
        condition = None
        if files:
            condition = MediaEncoder(directory, list(files)).condition(
                files, senses=llm.senses, dim=llm.bind_dim, weights=shares, mix=mix
            )
    out, known = console(), purpose(directory)
    if known and sys.stderr.isatty():
        print(f"these weights were trained on {printable(known)}", file=sys.stderr)
    record, began = TurnRecord(question), time.perf_counter()
    if condition is not None:
        record.condition = condition.reference
        record.percepts = [PerceptRecord.of(one) for one in condition.sensed]
    for piece in answer(llm, question, condition):
        record.first_token_ms = record.first_token_ms or _since(began)
        record.assistant += piece
        if not as_json:
            out.print(escape(printable(piece, lines=True)), end="")
    record.total_ms = _since(began)
    if as_json:
        print(printable_json(record.as_json() | {"trained_on": known}))
    else:
        out.print()
    return 0


def _since(began: float) -> float:
    """Return the milliseconds that have gone since then."""
    return round((time.perf_counter() - began) * 1e3, 1)
