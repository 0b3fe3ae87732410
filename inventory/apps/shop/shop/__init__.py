"""A Flask package with an application factory, configured by its environment."""

from flask import Flask


def create_app():
    app = Flask(__name__)
    # SHOP_MODE and SHOP_TOKEN come from `env` and `secrets`.
    app.config.from_prefixed_env("SHOP")

    @app.get("/")
    def index():
        return f"The shop is {app.config.get('MODE', 'closed')}.\n"

    @app.get("/healthz")
    def healthz():
        # Check everything here that a request needs. A release that fails this check never gets a request of a visitor.
        if not app.config.get("TOKEN"):
            return "SHOP_TOKEN is not set\n", 503
        return "ok\n"

    return app
