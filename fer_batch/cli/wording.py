"""How the command line words options in errors: ``--batch-size 8``, ``--no-video``."""

from __future__ import annotations

from fer_batch.errors import FerBatchError


def command_line_words(option: str, value: object) -> str:
    """Word an option and its value as they are typed; see :data:`fer_batch.errors.OptionWords`."""
    name = option.replace("_", "-")
    if value is None or value is True:
        return f"--{name}"
    return f"--no-{name}" if value is False else f"--{name} {value}"


def sentence_of(error: BaseException | str) -> str:
    """Return what an error says, options worded as the command line has them; a sentence as it is."""
    return error.worded(command_line_words) if isinstance(error, FerBatchError) else str(error)
