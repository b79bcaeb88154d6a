"""The engine under load and under kill -9: `python -m tests.bench steps|crash|recover`."""
