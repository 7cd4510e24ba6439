"""The reader: a small network that reads a person's raw words before the language model does."""
