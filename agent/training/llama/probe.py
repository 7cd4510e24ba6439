"""How well the model answers held-out phrasings: exactly right or not, by intent."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from sensebind.agent.corpus import answers
from sensebind.agent.corpus.answers import Facts
from sensebind.agent.corpus.conditions import ABSENT, TurnCondition
from sensebind.agent.corpus.dialog import PLAIN, Turn, sample_dialog
from sensebind.agent.corpus.grammar import Split
from sensebind.agent.gated_llama import GatedLlamaForCausalLM
from sensebind.agent.training.llama.batches import IGNORE, Batch, DialogEncoder, Span
from sensebind.agent.training.llama.condition_pool import Caption, EmbeddingPool
from sensebind.agent.training.llama.tokenizer import CALL


@torch.inference_mode()
def right_steps(
    model: GatedLlamaForCausalLM, batch: Batch, pool: EmbeddingPool
) -> Iterator[tuple[Span, bool]]:
    """Whether greedy decoding would give each step of the assistant exactly as it stands.

    One pass over the dialog is enough: decoding gives a step exactly if and only if every token of
    it is the likeliest after those before it.
    """
    conditions, present = pool.gather(batch.rows, torch.Generator(), augment=False)
    logits = model(
        input_ids=batch.input_ids,
        conditions=conditions,
        present=present,
        condition_ids=batch.condition_ids,
        use_cache=False,
    ).logits
    guesses = logits[:, :-1].argmax(dim=-1)
    fits = (guesses == batch.labels[:, 1:]) | (batch.labels[:, 1:] == IGNORE)
    for span in batch.spans:
        yield span, bool(fits[span.row, span.begin - 1 : span.end - 1].all())


def probe(
    model: GatedLlamaForCausalLM,
    encoder: DialogEncoder,
    pool: EmbeddingPool,
    *,
    seed: int,
    split: Split = "heldout",
    each: int = 24,
    dialogs: int = 400,
    langs: Sequence[str] = ("en", "zh"),
) -> dict[str, float]:
    """Shares of exactly right steps.

    Args:
        model: In evaluation mode.
        encoder: Of the model's tokenizer.
        pool: Where conditions come from; embeddings are not augmented.
        seed: Of the dialogs.
        split: Which phrasings.
        each: Single questions per intent and language.
        dialogs: Whole dialogs, divided by "follow-ups" and whether a call was right.
        langs: Languages.

    Returns:
        Shares by "LANG intent", and "all", "calls" and "follow-ups" over whole dialogs.
    """
    rng = random.Random(seed)
    singles: list[list[Turn]] = [
        sample_dialog(rng, pool, split=split, lang=lang, turns=1, first=intent)
        for intent in PLAIN
        for lang in langs
        for _ in range(each)
    ]
    tallies: dict[str, list[bool]] = defaultdict(list)
    for span, right in _all_steps(model, encoder, pool, singles):
        tallies[f"{span.lang} {span.intent}"].append(right)
    whole = [sample_dialog(rng, pool, split=split) for _ in range(dialogs)]
    for span, right in _all_steps(model, encoder, pool, whole):
        tallies["all"].append(right)
        if span.kind == "call":
            tallies["calls"].append(right)
        if span.number and span.intent not in PLAIN:
            tallies[f"then {span.intent}"].append(right)
            tallies["follow-ups"].append(right)
    return {name: sum(rights) / len(rights) for name, rights in sorted(tallies.items())}


def told_captions(
    model: GatedLlamaForCausalLM, encoder: DialogEncoder, pool: EmbeddingPool
) -> list[Caption]:
    """The captions of a pool, without the second objects that the model cannot name.

    A model that is taught to name what it can only guess guesses aloud: it names two things
    wherever there are two, and every second one wrongly.
    """
    captions = list(pool.captions)
    doubtful = [row for row, caption in enumerate(captions) if caption.main and caption.second]
    for begin in range(0, len(doubtful), 64):
        rows = doubtful[begin : begin + 64]
        batch = encoder.collate(encoder.encode([[_look(captions[row], row)] for row in rows]))
        for span, right in right_steps(model, batch, pool):
            if not right:
                captions[rows[span.row]] = replace(captions[rows[span.row]], second=None)
    return captions


def _look(caption: Caption, row: int) -> Turn:
    """What is seen in one picture, asked and answered."""
    facts = Facts(tuple(thing for thing in (caption.main, caption.second) if thing))
    said = ("say", answers.see(facts, "en"))
    condition = TurnCondition((row, ABSENT, ABSENT), facts)
    return Turn("what do you see", "see", "en", condition, (said,))


def _all_steps(
    model: GatedLlamaForCausalLM,
    encoder: DialogEncoder,
    pool: EmbeddingPool,
    dialogs: list[list[Turn]],
) -> Iterator[tuple[Span, bool]]:
    encoded = sorted(encoder.encode(dialogs), key=lambda one: len(one.tokens))
    for begin in range(0, len(encoded), 64):
        yield from right_steps(model, encoder.collate(encoded[begin : begin + 64]), pool)


@torch.inference_mode()
def reply(
    model: GatedLlamaForCausalLM,
    encoder: DialogEncoder,
    pool: EmbeddingPool,
    questions: Sequence[tuple[str, TurnCondition]],
) -> list[str]:
    """The first step of the assistant after each question, by greedy decoding.

    Args:
        model: In evaluation mode.
        encoder: Of the model's tokenizer.
        pool: Where the rows of the conditions are looked up.
        questions: What is typed, and what is perceived.

    Returns:
        Answers, or calls with `<|call|>` before them.
    """
    replies: list[str] = []
    for begin in range(0, len(questions), 64):
        some = questions[begin : begin + 64]
        prompts = [encoder.prompt(text) for text, _ in some]
        longest = max(map(len, prompts))
        ids = torch.tensor([[encoder.pad] * (longest - len(one)) + one for one in prompts])
        rows = torch.tensor([[condition.rows] for _, condition in some])
        conditions, present = pool.gather(rows, torch.Generator(), augment=False)
        out = model.generate(
            input_ids=ids,
            attention_mask=(ids != encoder.pad).long(),
            conditions=conditions,
            present=present,
            condition_ids=torch.zeros_like(ids),
            max_new_tokens=64,
        )
        replies += [encoder.decode(row[longest:].tolist()) for row in out]
    return replies


def right_reply(intent: str, said: str, facts: Facts, lang: str) -> bool:
    """Whether a reply is what the grammar wants to a question of an intent of `INTENTS`."""
    if said.startswith(CALL):
        try:
            name = json.loads(said.removeprefix(CALL))["name"]
        except (ValueError, KeyError, TypeError):
            return False
        return name == {"count": "detect", "where": "detect", "time": "clock"}.get(intent, intent)
    if intent in answers.SENSES:
        return said == answers.SENSES[intent](facts, lang)
    if intent == "all":
        return said == answers.everything(facts, lang)
    if intent == "color":
        return said == answers.color(facts, lang)
    return said == answers.FIXED.get(intent, {}).get(lang)


def language_of(text: str) -> str:
    """ "zh" for a text with Chinese characters in it, else "en"."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"
