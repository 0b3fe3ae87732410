"""The application under the seed's module name."""

from app import application  # noqa: F401 (what servers are told to load)
