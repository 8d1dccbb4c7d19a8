"""Errors that a user can act on.

Every message names the file, column, parameter or chapter that is wrong and says what to do.
The command line prints these without a traceback; anything else is a bug and keeps its traceback.
"""


class DermbookError(Exception):
    """Base of all errors whose message is written for the reader of the book."""


class DataError(DermbookError):
    """A source file, table or image is missing, damaged or contradicts another one."""


class ParameterError(DermbookError):
    """A parameter is unknown, ill-typed or out of range."""


class ChapterError(DermbookError):
    """A chapter is unknown, malformed, or failed while it ran."""


class RecordError(DermbookError):
    """A Record, Predictions or results file is missing, damaged or of another schema."""
