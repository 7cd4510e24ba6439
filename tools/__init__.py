"""What a language model may call: motion, APIs, memory, detection, reading, each with its risk."""
