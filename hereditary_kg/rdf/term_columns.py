r"""Expressions that take canonical terms apart, a column at a time.

A quote inside a lexical form is always escaped and neither a language tag nor an IRI holds
one, so the last quote of a literal is the one that closes it.
"""

import polars as pl

__all__ = [
    "datatype_of",
    "is_iri",
    "is_literal",
    "language_of",
    "lexical_form_of",
    "plain_text_of",
    "quoted_form_of",
]

_ESCAPED = ["\\\\", '\\"', "\\t", "\\n", "\\r"]
_RAW = ["\\", '"', "\t", "\n", "\r"]


def is_iri(term: pl.Expr) -> pl.Expr:
    """Whether a term is an IRI; null where it is unbound."""
    return term.str.starts_with("<")


def is_literal(term: pl.Expr) -> pl.Expr:
    """Whether a term is a literal; null where it is unbound."""
    return term.str.starts_with('"')


def quoted_form_of(term: pl.Expr) -> pl.Expr:
    """What stands between the quotes of literals, escapes and all; null for other terms."""
    opened = (
        pl.when(term.str.ends_with('"'))
        .then(term.str.strip_suffix('"'))
        .otherwise(term.str.replace('"[^"]*$', ""))
    )
    return pl.when(is_literal(term)).then(opened.str.strip_prefix('"'))


def lexical_form_of(term: pl.Expr) -> pl.Expr:
    """The lexical form of literals, unescaped; null for other terms."""
    quoted = quoted_form_of(term)
    # All escapes have two characters, so one pass from the left takes each backslash once.
    return (
        pl.when(quoted.str.contains("\\", literal=True))
        .then(quoted.str.replace_many(_ESCAPED, _RAW))
        .otherwise(quoted)
    )


def language_of(term: pl.Expr) -> pl.Expr:
    """The language tag of literals that have one; null for other terms."""
    return pl.when(is_literal(term)).then(term.str.extract('"@([^"]*)$'))


def datatype_of(term: pl.Expr) -> pl.Expr:
    """The datatype IRI that stands in a literal; null for strings and other terms."""
    return pl.when(is_literal(term)).then(term.str.extract(r'"\^\^<([^"]*)>$'))


def plain_text_of(term: pl.Expr) -> pl.Expr:
    """What stands for a term where only text can stand: IRI, ``_:label`` or lexical form."""
    return (
        pl.when(is_iri(term))
        .then(term.str.strip_prefix("<").str.strip_suffix(">"))
        .when(is_literal(term))
        .then(lexical_form_of(term))
        .otherwise(term)
    )
