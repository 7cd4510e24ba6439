"""Training of an adapter on a frozen language model: SimHome's images, or a user's own pairs."""
