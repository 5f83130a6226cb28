"""Sites: a store with its description, its profile, and its service over SPARQL 1.1."""

from hereditary_kg.sites.errors import LoadError, SiteBusyError, SiteDescriptionError, SiteError
from hereditary_kg.sites.profile import PredicateProfile, Profile
from hereditary_kg.sites.site import Site

__all__ = [
    "LoadError",
    "PredicateProfile",
    "Profile",
    "Site",
    "SiteBusyError",
    "SiteDescriptionError",
    "SiteError",
]
