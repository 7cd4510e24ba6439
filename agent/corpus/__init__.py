"""The dialog grammar of SimHome: what people type, and what the small model learns to answer."""

from sensebind.agent.corpus.grammar import Split, Utterance, split_of
from sensebind.agent.corpus.noise import normalise
from sensebind.agent.corpus.phrasing import INTENTS, LANGUAGES, utterance, utterances

__all__ = [
    "INTENTS",
    "LANGUAGES",
    "Split",
    "Utterance",
    "normalise",
    "split_of",
    "utterance",
    "utterances",
]
