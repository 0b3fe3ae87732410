"""The text that differs between releases."""

NAME = "first"
