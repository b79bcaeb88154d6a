"""Insights: figures of a period, their charts and their tables."""
