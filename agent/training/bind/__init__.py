"""Training of the small ImageBind of SimHome: images, texts, sounds and scans in one space."""
