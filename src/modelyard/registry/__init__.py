"""Use cases on models: publish, catalog, stages, aliases, compare, retire, look after.

Importing this package makes every use case known to the dispatcher.
"""
