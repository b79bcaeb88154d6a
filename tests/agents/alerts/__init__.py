"""Alerts, from the append that notes them to the receiver."""
