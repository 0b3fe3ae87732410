"""The probe under the name that uWSGI looks for."""

from probe import application

__all__ = ["application"]
