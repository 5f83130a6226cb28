"""Declarations: how many sites own each row, opened only when all sites have declared theirs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import RefusedMessageError
from hereditary_kg.embeddings.secure_aggregation.identities import AllowList
from hereditary_kg.embeddings.secure_aggregation.messages import Declaration
from hereditary_kg.embeddings.secure_aggregation.settings import RunSettings

__all__ = ["add_declarations", "check_declaration"]


def check_declaration(
    signed: bytes, allow_list: AllowList, settings: RunSettings, roster: bytes
) -> Declaration:
    """Read the signed declaration of a site of this run.

    Raises:
        RefusedMessageError: it is malformed or signed by somebody else, of another run, or not of
            the spaces of this one.
    """
    message = allow_list.open_message(signed, Declaration.LARGEST)
    declaration = Declaration.decode(message.body)
    if declaration.site != message.sender or declaration.site not in settings.sites:
        raise RefusedMessageError(
            f"Site {message.sender} declares rows of {declaration.site}, or is not of this run."
        )
    if declaration.roster != roster:
        raise RefusedMessageError(f"Site {declaration.site} declares rows for another run.")
    lengths = [space.rows * settings.count_type.itemsize for space in settings.spaces]
    if [len(counts) for counts in declaration.counts] != lengths:
        raise RefusedMessageError(
            f"Site {declaration.site} declares other rows than those of the run."
        )
    return declaration


def add_declarations(
    declarations: Sequence[bytes], allow_list: AllowList, settings: RunSettings, roster: bytes
) -> dict[str, NDArray[np.int64]]:
    """Add the declarations of all sites, whose masks cancel.

    Args:
        declarations: signed, in the order of the sites.
        allow_list: the sites' certificates.
        settings: those of the run.
        roster: the digest of its introductions.

    Returns:
        For each space how many sites own each row, shape ``[rows]``.

    Raises:
        RefusedMessageError: a declaration is not its site's, or the masks don't cancel.
    """
    sums = [np.zeros(space.rows, dtype=settings.count_type) for space in settings.spaces]
    for site, signed in zip(settings.sites, declarations, strict=True):
        declaration = check_declaration(signed, allow_list, settings, roster)
        if declaration.site != site:
            raise RefusedMessageError(f"The declaration of site {site} is not in its place.")
        for total, counts in zip(sums, declaration.counts, strict=True):
            np.add(total, np.frombuffer(counts, dtype=settings.count_type), out=total)
    if any((total > len(settings.sites)).any() for total in sums):
        raise RefusedMessageError(
            "Rows would have more owners than there are sites: a declaration is wrong, or the "
            "sites were shown different rosters. The run cannot go on; start a new one."
        )
    return {
        space.name: total.astype(np.int64)
        for space, total in zip(settings.spaces, sums, strict=True)
    }
