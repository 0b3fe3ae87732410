"""The probe under the name that uWSGI looks for."""

from probe import application  # noqa: F401
