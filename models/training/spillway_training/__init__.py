"""Training, evaluation and export of the Spillway model family."""
