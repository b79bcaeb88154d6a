"""What the rows of calls and turns add up to, worked out beside the log and never in its way."""
