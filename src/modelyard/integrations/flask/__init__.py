"""The registry's REST interface for Flask: a blueprint for an application of one's own, or a whole one.

    app.register_blueprint(create_blueprint(ModelRegistry("./model_registry")), url_prefix="/registry")
    flask --app modelyard.integrations.flask:create_app run --port 5000

It is plain WSGI, made from the operations table, and answers as `modelyard serve` does. What decides (binding, guard,
tokens, problem documents, what a download sends) are the modules of `modelyard.server` that know no framework.

    site       the parts that serve one registry in this process
    exchange   Flask's request as the head that those modules read, and the other way
    blueprint  all routes, and how each is answered
    rows, transfers, streams, calls, pages   the answers

Flask is no dependency of modelyard; `modelyard[flask]` brings it.
"""

from __future__ import annotations

from modelyard.integrations.flask.blueprint import create_app as create_app
from modelyard.integrations.flask.blueprint import create_blueprint as create_blueprint
