"""The application under the seed's module name."""

from app import application

__all__ = ["application"]  # what servers are told to load
