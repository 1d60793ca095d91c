"""Errors that name what a user did wrong, and the remedy: printed without a traceback."""

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


class MissingPlugIn(UserError):
    """A file names something that a plug-in brings which is not loaded.

    Args:
        problem: what is not there, a sentence without its full stop.
        plugin: the plug-in to load, or the module of the class, which can be loaded like one.
    """

    def __init__(self, problem: str, plugin: str) -> None:
        super().__init__(problem, plugin)  # what pickle makes it of again
        self.problem, self.plugin = problem, plugin

    def __str__(self) -> str:
        return f"{self.problem}; load the plug-in that has it: --plugin {self.plugin}."
