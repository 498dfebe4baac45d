"""Pictures: where networks look, and training curves."""
