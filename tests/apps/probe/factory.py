"""The probe behind a factory."""

import probe


def create_app():
    return probe.application
