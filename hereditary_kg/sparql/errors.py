"""What can be wrong with a query's text.

::

    SparqlError
    ├── SparqlSyntaxError       the text is not SPARQL 1.1
    └── UnsupportedQueryError   it is, but this engine refuses the form by name
"""

__all__ = ["SparqlError", "SparqlSyntaxError", "UnsupportedQueryError"]


class SparqlError(ValueError):
    """Something is wrong with a query."""


class SparqlSyntaxError(SparqlError):
    """A query's text is not SPARQL 1.1.

    Attributes:
        reason: what is wrong, in one line.
        line: line of the place, from 1.
        column: column of the place, from 1, in characters.
        hint: what to do about it, or None.
    """

    def __init__(
        self, reason: str, text: str, line: int, column: int, hint: str | None = None
    ) -> None:
        self.reason = reason
        self.line = line
        self.column = column
        self.hint = hint
        lines = text.split("\n")
        shown = lines[line - 1] if 0 < line <= len(lines) else ""
        margin = f"{line:>4} | "
        # Tabs are kept under tabs, so that the caret stands below its character in any terminal.
        gap = "".join("\t" if character == "\t" else " " for character in shown[: column - 1])
        message = f"line {line}, column {column}: {reason}\n{margin}{shown}\n"
        message += " " * (len(margin) - 2) + "| " + gap + "^"
        if hint:
            message += f"\n{hint}"
        super().__init__(message)


class UnsupportedQueryError(SparqlError):
    """A query form that is refused by name before any member is asked."""
