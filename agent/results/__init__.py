"""What tools answer: bounded for the model, kept whole for people."""
