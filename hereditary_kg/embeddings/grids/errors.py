"""What can go wrong between a server and its sites.

::

    GridError
    ├── CertificateError     a certificate or key cannot be used
    ├── CodingError          a message cannot be written as bytes, or bytes are no message
    ├── DeploymentError      a process of Flower's cannot be started or does not answer
    ├── ManifestError        a run's manifest is not what its server signed, or was used before
    │   └── PolicyError      a site's policy does not admit the run
    ├── RefusedError         the other side refuses, and asking again would not help
    │   └── VersionError     the two sides have different versions
    ├── SettingsError        a settings file cannot be read or does not say what is needed
    └── UnreachableError     the other side cannot be reached

    ReportedError            a site's failure whose text the server may read
"""

from hereditary_kg.embeddings.errors import EmbeddingError

__all__ = [
    "CertificateError",
    "CodingError",
    "DeploymentError",
    "GridError",
    "ManifestError",
    "PolicyError",
    "RefusedError",
    "ReportedError",
    "SettingsError",
    "UnreachableError",
    "VersionError",
]


class GridError(EmbeddingError):
    """Something between a server and its sites is wrong."""


class CertificateError(GridError):
    """A certificate or key cannot be used."""


class CodingError(GridError):
    """A message cannot be written as bytes, or bytes are no message."""


class DeploymentError(GridError):
    """A process of Flower's cannot be started or does not answer."""


class ManifestError(GridError):
    """A run's manifest is not what its server signed, or was used before."""


class PolicyError(ManifestError):
    """A site's policy does not admit the run."""


class RefusedError(GridError):
    """The other side refuses, and asking again would not help."""


class VersionError(RefusedError):
    """The two sides have different versions."""


class SettingsError(GridError):
    """A settings file cannot be read or does not say what is needed."""


class UnreachableError(GridError):
    """The other side cannot be reached."""


class ReportedError(EmbeddingError):
    """A site's failure whose text the server may read.

    Raise it in a client application for what the others have to know. The text must name no
    entity, no person and no value. Of any other exception the server learns the class alone.
    """
