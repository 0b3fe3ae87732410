"""The text that differs between releases."""

NAME = "first"


def health():
    return "well"
