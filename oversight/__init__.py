"""The window: the Django project and its pages. Owns no tables."""
