"""From percepts and shown media to the conditions of a language model: one embedding a sense."""
