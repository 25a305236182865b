"""The HTTP server: REST routes made from the operations table, streams of bytes, and what stands guard before them.

`app.create_app` puts an ASGI application together, `serve.serve` runs it. A request passes `auth.Guard`, then the cache
of `hot`, then FastAPI with the routes of `routes`, `uploads`, `stream`, `health` and `docs`. Use cases run in threads,
never in the event loop.

What decides is kept apart from FastAPI, so that another front can use it: `binding`, `paths`, `waiting`, `problems`,
`refusing`, `auth`, `identity`, `receiving`, `sending`, `ranges`, `frames`, `flags`, `readiness`, `pages`, `traffic`,
`background`, `predictions`. The routes are in `routes`, `uploads`, `stream`, `events`, `ofrep`, `health`, `docs`,
`predict`, `metrics`. `messages` has the types of what passes between them.
"""
