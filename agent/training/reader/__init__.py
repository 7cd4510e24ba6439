"""Training of the reader: sentences by the grammar of both languages, and its calibration."""
