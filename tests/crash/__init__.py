"""kill -9, SIGSTOP and named points of death, judged by a checker that shares no code with us."""
