"""The one kind of failure that a user can cause and mend."""


class TrainingError(Exception):
    """Bad input (recipe, data, checkpoint, model folder). The command line prints its message as one line."""
