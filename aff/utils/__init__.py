"""What all rooms stand on: errors, files, downloads, parameter files, kinds of values."""
