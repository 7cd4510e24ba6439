"""Percepts over ZeroMQ: publishers, subscribers, keys, and the clocks of several machines."""
