"""What several commands share: parsers, flags, how a command ends."""
