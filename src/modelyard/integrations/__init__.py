"""Bridges to other tools, each used only when somebody asks for it."""
