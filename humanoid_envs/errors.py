"""What a user did wrong, in one line."""

from __future__ import annotations


class UserError(ValueError):
    """A value, file or machine that does not do, for which no traceback is needed.

    The message names the thing (a field, a file, an argument), its value, and the remedy. Command-line
    programs print it and end; anything else is a fault of the program and keeps its traceback.
    """


class MissingPackage(UserError, ImportError):
    """A package that is needed for what was asked is not installed."""


class UnfitMachine(UserError, RuntimeError):
    """This machine, or what is installed on it, cannot do what was asked: no display, no GPU, no renderer."""


class WrongType(UserError, TypeError):
    """An object of another kind than is taken."""


class StorageError(UserError, OSError):
    """A file, folder or disk that cannot be read or written."""
