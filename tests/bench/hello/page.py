"""What differs between releases."""

NAME = "first"
