"""What can go wrong while a query is planned."""

__all__ = ["PlanningError"]


class PlanningError(Exception):
    """A query cannot be planned over this federation."""
