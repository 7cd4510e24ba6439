"""From sensors to percepts: sources, encoders, workers, and the bus that carries embeddings."""
