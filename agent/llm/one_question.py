"""One question to our own model, without tools and without a dialog.

It answers as `ChatSenseBind` does, and needs no LangChain, whose import takes a fifth of the
processor time that `sensebind ask` has from cold (`python benchmarks/startup.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sensebind.agent.conditioning.condition import Condition
from sensebind.agent.gated_llama.session import NO_CONDITION, LogitsProcessor
from sensebind.agent.llm.chat_template import rendered
from sensebind.agent.llm.checkpoint import LoadedModel
from sensebind.agent.llm.constrained_decoding import GrammarLogitsProcessor
from sensebind.agent.llm.inert import Inert
from sensebind.agent.llm.text_pieces import TextPieces
from sensebind.agent.llm.unicode import well_formed
from sensebind.agent.llm.unknown import answered
from sensebind.errors import InputError


def answer(llm: LoadedModel, question: str, condition: Condition | None = None) -> Iterator[str]:
    """Answer a question, and yield the text as it comes.

    Args:
        llm: The checkpoint.
        question: What a person asks.
        condition: What is perceived; None is nothing.

    Raises:
        InputError: The question is longer than the model can take, or its template refuses it.
    """
    said = {"role": "user", **Inert(llm.tokenizer).value({"content": question})}
    text = rendered(llm.tokenizer, [said], generate=True)
    token_ids = list(llm.tokenizer(text, add_special_tokens=False)["input_ids"])
    limit = llm.context - min(llm.max_new_tokens, llm.context // 4)
    if len(token_ids) > limit:
        raise InputError(
            f"this turn alone has {len(token_ids)} tokens, the model can take {limit}: ask in "
            "fewer words"
        )
    session = llm.session()
    known = NO_CONDITION
    if condition is not None:
        known = session.condition(condition.embeddings, condition.present)
    grammar = llm.grammars.compile((), None, parallel=llm.grammars.style.parallel)

    def stream(processor: LogitsProcessor, condition_ids: Sequence[int]) -> Iterator[int]:
        return session.stream(
            token_ids,
            condition_ids,
            stop_ids=llm.stop_ids,
            max_new_tokens=min(llm.max_new_tokens, llm.context - len(token_ids)),
            logits_processor=processor,
        )

    def processor() -> LogitsProcessor:
        return GrammarLogitsProcessor([grammar], len(token_ids))

    tokens = answered(llm, session, condition, stream, processor, [known] * len(token_ids))
    pieces = TextPieces(lambda ids: str(llm.tokenizer.decode(ids, skip_special_tokens=True)))
    for token in tokens:
        if piece := pieces.push(token):
            yield well_formed(piece)
    if piece := pieces.push(None):
        yield well_formed(piece)
