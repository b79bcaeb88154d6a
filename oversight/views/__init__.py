"""Pages: they read through ``queries`` and write through the engine's two doors."""
