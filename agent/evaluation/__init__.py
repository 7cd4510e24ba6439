"""`sensebind eval`: what the shipped weights see, understand and do, on held-out scenes."""
