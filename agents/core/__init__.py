"""The pure centre: what a session is and what it does next. Standard library only."""
