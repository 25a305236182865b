"""Runtimes: how a model object becomes files, and verified files an object again. Run by the client's process only."""
