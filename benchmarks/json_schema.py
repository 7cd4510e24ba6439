"""What the grammar makes of the JSON-Schema-Test-Suite (drafts 7 and 2020-12).

The suite lies in the source distribution of `jsonschema` 4.26.0, which is fetched with pip unless
`--suite` names it (the .tar.gz, or the folder that was unpacked from it). Each schema is bounded,
compiled by llguidance, and tried on the suite's own values, written compactly with their
properties in any order; and on values sampled from the grammar, which are validated against the
schema as it was given. By keyword (the suite's files), a schema is

- exact: the grammar takes each valid value of the suite, and no other;
- narrower: some valid value is beyond the grammar's bounds, and no invalid one is taken;
- later: a keyword is left to validation after generation, and named;
- empty: nothing satisfies it, and it is refused for that reason;
- refused: there is no grammar;
- wider: the grammar takes an invalid value, and nothing says so. This must never happen.

Exit code 1 if a schema is wider, or more than a tenth of those of the keywords that tools use are
refused.
"""

import itertools
import json
import random
import subprocess
import sys
import tarfile
import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from report import AtMost, Parser, Row, run

from sensebind.agent.llm.call_format import CallFormat
from sensebind.agent.llm.constrained_decoding import Closers
from sensebind.errors import ConfigurationError, InputError
from sensebind.tools.json_schema import bounded, problem

DRAFTS = {
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
KINDS = ("exact", "narrower", "later", "empty", "refused", "wider")
# Keywords that tools use, of which at most a tenth may be refused.
NAMED = frozenset(
    {
        "additionalProperties",
        "patternProperties",
        "prefixItems",
        "items",
        "additionalItems",
        "allOf",
        "oneOf",
        "anyOf",
        "not",
        "if-then-else",
        "contains",
        "dependentRequired",
        "dependencies",
        "minProperties",
        "properties",
        "required",
        "type",
        "enum",
        "const",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maximum",
        "minimum",
        "multipleOf",
    }
)
TOKENIZER = LLTokenizer("byte")
CLOSERS = Closers(*(TOKENIZER.tokenize_str(one)[0] for one in '"]},'))
LENGTH = 40  # bytes after which a sampled value is brought to its end


def suite_folder(given: str, scratch: Path) -> Path:
    """Returns the folder of the suite's tests.

    Raises:
        InputError: It is not there.
    """
    path = Path(given) if given else scratch
    if not given:
        wanted = ["--no-binary", ":all:", "--no-deps", "jsonschema==4.26.0", "-d", str(scratch)]
        command = [sys.executable, "-m", "pip", "download", "-q", *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise InputError(
                f"the suite cannot be fetched (give it with --suite): {done.stderr[-300:]}"
            )
        path = next(scratch.glob("jsonschema-*.tar.gz"))
    if path.is_file():
        with tarfile.open(path) as archive:
            archive.extractall(scratch, filter="data")
        path = scratch
    found = next((one for one in path.rglob("tests") if (one / "draft7").is_dir()), None)
    if found is None:
        raise InputError(f"no JSON-Schema-Test-Suite (json/tests/draft7) in {path}")
    return found


def cases(folder: Path) -> Iterator[tuple[str, Any, list[dict[str, Any]]]]:
    """Yields keyword, schema and tests."""
    for draft, uri in DRAFTS.items():
        for file in sorted((folder / draft).glob("*.json")):
            for case in json.loads(file.read_text("utf-8")):
                schema = case["schema"]
                if isinstance(schema, dict):
                    schema = {"$schema": uri, **schema}
                yield file.stem, schema, case["tests"]


def texts(value: Any, limit: int = 200) -> Iterator[str]:
    """Yields the compact texts of a value: its properties in any order, 1.0 as 1, too."""

    def forms(one: Any) -> Iterator[str]:
        if isinstance(one, dict):
            for order in itertools.permutations(one) if len(one) < 6 else [tuple(one)]:
                parts = [
                    [f"{json.dumps(k, ensure_ascii=False)}:{v}" for v in forms(one[k])]
                    for k in order
                ]
                for chosen in itertools.product(*parts):
                    yield "{" + ",".join(chosen) + "}"
        elif isinstance(one, list):
            for chosen in itertools.product(*([*forms(item)] for item in one)):
                yield "[" + ",".join(chosen) + "]"
        else:
            yield json.dumps(one, ensure_ascii=False)
            if isinstance(one, float) and one.is_integer() and abs(one) < 1e15:
                yield str(int(one))

    yield from itertools.islice(forms(value), limit)


def takes(start: LLMatcher, value: Any) -> bool:
    """Whether a grammar lets a value through, in some order of its properties."""
    for text in texts(value):
        matcher, tokens = start.deep_copy(), TOKENIZER.tokenize_str(text)
        if matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting():
            return True
    return False


def sample(start: LLMatcher, rng: random.Random) -> str | None:
    """A random text of a grammar; None if it did not end in 400 bytes."""
    matcher, written = start.deep_copy(), []
    while len(written) < 400 and not matcher.is_stopped():
        raw = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(raw, bitorder="little").view(bool)
        if matcher.is_accepting() and (rng.random() < 0.3 or not allowed[:256].any()):
            break
        closer = CLOSERS.choose(allowed, ()) if len(written) > LENGTH else -1
        plain = [one for one in np.flatnonzero(allowed[:256]) if 32 <= one < 127]
        token = closer if closer >= 0 else int(rng.choice(plain or [*np.flatnonzero(allowed)]))
        matcher.consume_token(token)
        written.append(token)
    return TOKENIZER.decode_str(written) if matcher.is_accepting() else None


def kind_of(schema: Any, tests: Sequence[dict[str, Any]], samples: int) -> tuple[str, str]:
    """Says what the grammar of a schema is, and why."""
    try:
        bound = bounded(schema)
    except ConfigurationError as error:
        empty = "satisfies the schema" in str(error) and not any(one["valid"] for one in tests)
        return ("empty" if empty else "refused"), str(error)
    style = {**bound.schema, "x-guidance": CallFormat().json_style}
    grammar = LLMatcher.grammar_from_lark(f"start: %json {json.dumps(style)}")
    start = LLMatcher(TOKENIZER, grammar)
    if start.is_error():
        return "refused", start.get_error()
    if bound.later:
        return "later", ", ".join(sorted(bound.later))
    for one in tests:
        if not one["valid"] and takes(start, one["data"]):
            return "wider", f"takes {json.dumps(one['data'])}"
    rng = random.Random(0)
    for _ in range(samples):
        text = sample(start, rng)
        if text is not None and (wrong := problem(json.loads(text), schema)):
            return "wider", f"says {text}: {wrong}"
    lost = [one["data"] for one in tests if one["valid"] and not takes(start, one["data"])]
    return ("narrower", f"cannot say {json.dumps(lost[0])}") if lost else ("exact", "")


def measure(options: Namespace) -> list[Row]:
    """Tries the suite; prints the table by keyword unless JSON is wanted."""
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for keyword, schema, tests in cases(suite_folder(options.suite, Path(scratch))):
            kind, why = kind_of(schema, tests, int(options.samples))
            counts.setdefault(keyword, Counter())[kind] += 1
            if kind == "wider" or (options.why and kind == options.why):
                print(
                    f"{keyword}: {json.dumps(schema)[:300]}: {kind}: {why[:200]}", file=sys.stderr
                )
    if not options.json:
        print("| keyword | " + " | ".join(KINDS) + " |\n|---|" + "---|" * len(KINDS))
        for keyword, found in sorted(counts.items()):
            star = "" if keyword in NAMED else " °"
            print(f"| {keyword}{star} | " + " | ".join(str(found[k] or "") for k in KINDS) + " |")
    every: Counter[str] = sum(counts.values(), Counter())
    named: Counter[str] = sum((counts[one] for one in counts if one in NAMED), Counter())
    total, of_named = every.total(), named.total()
    return [
        *(Row(kind, every[kind], None, total) for kind in KINDS[:-1]),
        AtMost("wider", every["wider"], 0, total),
        AtMost("refused_of_named", named["refused"] / max(of_named, 1), 0.1, of_named),
    ]


def main() -> int:
    """Command line."""
    parser = Parser(__doc__)
    parser.add_argument("--suite", default="", help="the suite; fetched with pip by default")
    parser.add_argument("--why", choices=KINDS, help="print the schemas of a kind, and why")
    parser.amount("--samples", 20, 2, "values sampled from each grammar")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
