"""`sensebind eval`: what the weights can do."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, Json, weights
from sensebind.errors import InputError
from sensebind.printable import printable, printable_json

app = typer.Typer(help="Measure what the weights can do.")


class Half(StrEnum):
    """Which files are looked at."""

    all = "all"
    development = "development"
    held_out = "held-out"


@app.command("simhome")
def eval_simhome(
    utterances: Annotated[
        Path | None, typer.Option(help='JSON list of {"text", "intent"} to evaluate instead.')
    ] = None,
    n: Annotated[int, typer.Option(min=1, max=100_000, help="Held-out scenes per row.")] = 500,
    senses_only: Annotated[
        bool,
        typer.Option("--senses-only", help="What is said of the senses, without tools at hand."),
    ] = False,
    as_json: Json = False,
    checkpoint: Checkpoint = None,
) -> int:
    """Measure everything on held-out scenes. Exit code 1 when a row is below its bar."""
    directory = weights(checkpoint)
    if utterances is not None and not utterances.is_file():
        raise InputError(f"{utterances} cannot be read: there is no such file")
    if utterances is not None and senses_only:
        raise InputError("--senses-only does not go with --utterances")
    from sensebind.agent.evaluation.simhome import run

    return run(
        n=n,
        utterances=utterances,
        as_json=as_json,
        checkpoint=directory,
        senses_only=senses_only,
    )


@app.command("unknown")
def eval_unknown(
    images: Annotated[Path | None, typer.Option(help="Folder of images not of SimHome.")] = None,
    sounds: Annotated[Path | None, typer.Option(help="Folder of sounds not of SimHome.")] = None,
    clouds: Annotated[Path | None, typer.Option(help="Folder of clouds not of SimHome.")] = None,
    half: Annotated[
        Half, typer.Option(help="Files whose name's digest is even, odd (held out), or all.")
    ] = Half.all,
    n: Annotated[int, typer.Option(min=1, max=100_000, help="Held-out scenes.")] = 300,
    misses: Annotated[
        Path | None, typer.Option(help="File for the names of what was taken for known.")
    ] = None,
    as_json: Json = False,
    checkpoint: Checkpoint = None,
) -> int:
    """Measure what the weights take for known. Exit code 1 when a row is below its bar."""
    directory = weights(checkpoint)
    folders = {"vision": images, "audio": sounds, "point": clouds}
    for folder in folders.values():
        if folder is not None and not folder.is_dir():
            raise InputError(f"{folder} is not a folder")
    from sensebind.agent.evaluation.unknown import run

    given = {modality: folder for modality, folder in folders.items() if folder is not None}
    return run(given, n=n, half=half.value, misses=misses, as_json=as_json, checkpoint=directory)


@app.command("agent")
def eval_agent(
    tasks: Annotated[int, typer.Option(min=1, max=100_000, help="How many tasks.")] = 240,
    failures: Annotated[
        Path | None, typer.Option(help="File for a JSON line per task that failed.")
    ] = None,
    llm: Annotated[
        str, typer.Option(help="Language model, such as gguf:FILE; the checkpoint's by default.")
    ] = "",
    as_json: Json = False,
    checkpoint: Checkpoint = None,
) -> int:
    """Give the agent tasks in held-out homes. Exit code 1 when a row is below its bar."""
    directory = weights(checkpoint)
    from sensebind.agent.evaluation.agent_tasks import run

    return run(tasks=tasks, as_json=as_json, checkpoint=directory, llm=llm, failures=failures)


@app.command("recording")
def eval_recording(
    file: Annotated[Path, typer.Argument(help="A recording of `sensebind record`.")],
    questions: Annotated[
        Path, typer.Option(help="YAML or JSON list of {at, ask, expect, refuse}.")
    ],
    as_json: Json = False,
    checkpoint: Checkpoint = None,
) -> int:
    """Ask a recording of your own, and check the answers. Exit code 1 when one is wrong."""
    directory = weights(checkpoint)
    if not file.is_file():
        raise InputError(f"recording {file} does not exist")
    import torch

    from sensebind.agent.evaluation.recording import answered, read_questions
    from sensebind.agent.llm.checkpoint import load_llm
    from sensebind.agent.robot.perceiver import Perceiver
    from sensebind.perception.frames.recording import Recording

    asked = read_questions(questions)
    recording = Recording(file)
    recording.streams()  # refuses what cannot be read before weights are loaded
    torch.set_num_threads(1)  # as recordings are made, so that percepts are the same
    wrong = 0
    for one in answered(recording, asked, Perceiver(directory), load_llm(directory)):
        wrong += bool(one.missed)
        if as_json:
            print(printable_json(one.as_json()))
            continue
        verdict = f"wrong: {', '.join(one.missed)}" if one.missed else "right"
        print(printable(f"{one.at:8.2f} s  {one.ask}  ->  {one.answer}  [{verdict}]"))
    print(f"{len(asked) - wrong} of {len(asked)} right", file=sys.stderr)
    return 1 if wrong else 0


@app.command("understanding")
def eval_understanding(
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="A set to play; all by default.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where the sets lie; tests/data/understanding of the source tree."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Play so many lines of each set, evenly spread.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Print the sentences of those that are wrong, too.")
    ] = False,
    as_json: Json = False,
    checkpoint: Checkpoint = None,
) -> int:
    """Say held-out sentences to the agent. Exit code 1 when a row is below its bar."""
    directory = weights(checkpoint)
    from sensebind.agent.evaluation.understanding import run

    return run(
        sets=sets or (),
        folder=folder,
        limit=limit,
        show=show,
        as_json_form=as_json,
        checkpoint=directory,
    )
