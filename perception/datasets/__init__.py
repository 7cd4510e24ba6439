"""Recordings as data sets of others' formats."""
