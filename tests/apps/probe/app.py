"""The probe under the name that Flask looks for."""

from probe import application

app = application
del application
