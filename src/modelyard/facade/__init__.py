"""What a Python user calls: the registry and its managers, over an embedded or a remote registry."""
