"""Training of SimHome's detector."""
