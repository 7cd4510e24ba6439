"""The command line. Commands import what they need when they run, so that `--help` is quick."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sensebind.errors import SenseBindError

app = typer.Typer(
    name="sensebind",
    help="A streaming agent for assistant robots: it sees, hears, scans, and talks about it.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
train_app = typer.Typer(help="Train the weights that ship with SenseBind.")
eval_app = typer.Typer(help="Measure what the weights can do.")
app.add_typer(train_app, name="train")
app.add_typer(eval_app, name="eval")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Checkpoint = Annotated[
    Path | None, typer.Option(help="Directory of the weights; the embedded ones by default.")
]
EMBEDDED = Path("src/sensebind/checkpoints/simhome")
DETECTOR_FRAMES, DETECTOR_SEED = 7000, 100_000


def _version(wanted: bool) -> None:
    if wanted:
        from sensebind import __version__

        print(f"sensebind {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    seed: Annotated[int, typer.Option(min=0, help="Which home.")] = 1854,
    script: Annotated[
        Path | None, typer.Option(help="File with one question per line; else standard input.")
    ] = None,
    as_json: Json = False,
    checkpoint: Checkpoint = None,
    house_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the house's API; 0 takes a free one.")
    ] = 0,
    dialogs: Annotated[
        Path | None, typer.Option(help="SQLite file that keeps the dialog; in memory by default.")
    ] = None,
) -> int:
    """Talk with the robot of a simulated home. Piped standard input is a script."""
    from sensebind.agent.demo import DemoOptions, run

    return run(DemoOptions(seed, script, as_json, checkpoint, house_port, dialogs))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    image: Annotated[Path | None, typer.Option(help="A picture.")] = None,
    audio: Annotated[Path | None, typer.Option(help="A sound.")] = None,
    points: Annotated[Path | None, typer.Option(help="A point cloud.")] = None,
    weight: Annotated[
        list[str] | None, typer.Option(help="How much a sense counts, such as audio=0.5.")
    ] = None,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Ask one question about files."""
    from sensebind.agent.ask import run

    given = {"vision": image, "audio": audio, "point": points}
    files = {modality: file for modality, file in given.items() if file is not None}
    return run(question, files, weights=weight or (), checkpoint=checkpoint, as_json=as_json)


@eval_app.command("simhome")
def eval_simhome(
    utterances: Annotated[
        Path | None, typer.Option(help='JSON list of {"text", "intent"} to evaluate instead.')
    ] = None,
    n: Annotated[int, typer.Option(min=1, max=100_000, help="Held-out scenes per row.")] = 500,
    as_json: Json = False,
    checkpoint: Checkpoint = None,
) -> int:
    """Measure everything on held-out scenes. Exit code 1 when a row is below its bar."""
    from sensebind.agent.evaluation.simhome import run

    return run(n=n, utterances=utterances, as_json=as_json, checkpoint=checkpoint)


Output = Annotated[Path, typer.Option(help="Checkpoint directory to write.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Rendering processes; one per core.")]


@train_app.command("bind")
def train_bind(
    output: Output = EMBEDDED,
    run: Annotated[Path, typer.Option(help="Working folder; an earlier run goes on.")] = Path(
        "runs/bind"
    ),
    workers: Workers = None,
) -> int:
    """Train the encoders: pictures with captions, then sounds and scans with pictures."""
    _check_disk(output, run)
    from sensebind.agent.training.bind import train_bind as train

    train(output, run=run, embeddings=run.parent / "llama_data", workers=workers)
    return 0


@train_app.command("llama")
def train_llama(
    output: Output = EMBEDDED,
    embeddings: Annotated[
        Path, typer.Option(help="What `sensebind train bind` wrote for this.")
    ] = Path("runs/llama_data"),
    cache: Annotated[
        Path | None, typer.Option(help="Visual cache; the output's own by default.")
    ] = None,
    run: Annotated[Path, typer.Option(help="Working folder.")] = Path("runs/llama"),
    stage: Annotated[
        str | None, typer.Option(help="Only one: words, pictures, stage1 or stage2.")
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Checkpoint to go on from.")] = None,
    unfreeze: Annotated[
        str, typer.Option(help="language: all weights; none: the two stages of large models.")
    ] = "language",
    seed: Annotated[int, typer.Option(min=0, help="Of weights and dialogs.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Of each stage.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Of the last stage.")] = None,
    as_json: Json = False,
) -> int:
    """Train the language model: words first, then with embeddings of pictures only."""
    _check_disk(output, run, megabytes=500)
    from sensebind.agent.training.llama_command import run as train

    return train(
        output,
        embeddings=embeddings,
        cache=cache,
        run=run,
        stage=stage,
        start=start,
        unfreeze=unfreeze,
        seed=seed,
        steps=steps,
        minutes=minutes,
        as_json=as_json,
    )


@train_app.command("detector")
def train_detector(
    output: Output = EMBEDDED,
    run: Annotated[Path, typer.Option(help="Working folder; rendered frames are kept.")] = Path(
        "runs/detector"
    ),
    frames: Annotated[int, typer.Option(min=16, help="Training frames.")] = DETECTOR_FRAMES,
    steps: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and order.")] = 0,
    workers: Workers = None,
) -> int:
    """Train the detector on rendered frames."""
    _check_disk(output, run)
    from dataclasses import replace

    from sensebind.agent.training.detector import DetectorRecipe
    from sensebind.agent.training.detector import train_detector as train
    from sensebind.agent.training.detector_data import render_frames

    recipe = DetectorRecipe(seed=seed)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    workers = workers or os.cpu_count() or 1
    render_frames(run, frames=frames, first_seed=DETECTOR_SEED, workers=workers)
    train(run, output / "detector", recipe)
    return 0


def _check_disk(*folders: Path, megabytes: int = 2000) -> None:
    """Refuses to begin hours of work that could not be kept."""
    import shutil

    from sensebind.errors import StorageError

    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise StorageError(f"{folder} cannot be written: {error.strerror}") from error
        if free < megabytes * 1_000_000 or not os.access(folder, os.W_OK):
            raise StorageError(
                f"{folder} needs {megabytes} MB of free, writable disk and has "
                f"{free // 1_000_000} MB: choose another with --output or --run"
            )


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 well, 1 below a bar, 2 bad input, in one line."""
    try:
        code = app(arguments, prog_name="sensebind", standalone_mode=False)
    except SenseBindError as error:
        code = _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:  # the reader has gone; nothing more to say to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        code = _fail(str(error))
    except Exception as error:  # Typer's own errors differ in class between its versions
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        code = _fail(f"{message()} (see sensebind --help)")
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
