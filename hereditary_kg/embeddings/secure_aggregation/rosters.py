"""Introductions: which of them may stand on a roster."""

from hereditary_kg.embeddings.errors import RefusedMessageError
from hereditary_kg.embeddings.secure_aggregation.identities import AllowList
from hereditary_kg.embeddings.secure_aggregation.messages import Introduction
from hereditary_kg.embeddings.secure_aggregation.settings import RunSettings

__all__ = ["check_introduction"]


def check_introduction(signed: bytes, allow_list: AllowList, settings: RunSettings) -> Introduction:
    """Read the signed introduction of a site of this run.

    Raises:
        RefusedMessageError: it is malformed or signed by somebody else, of another run or other
            settings, or of a site that is not of the run, or its certificate is not the listed one.
    """
    message = allow_list.open_message(signed, Introduction.LARGEST)
    introduction = Introduction.decode(message.body)
    if introduction.site != message.sender or introduction.site not in settings.sites:
        raise RefusedMessageError(
            f"Site {message.sender} introduces {introduction.site}, or is not of this run."
        )
    if introduction.run != settings.run or introduction.settings != settings.digest:
        raise RefusedMessageError(
            f"Site {introduction.site} introduces itself to another run, or with other settings."
        )
    allow_list.check_certificate(introduction.site, introduction.certificate)
    return introduction
