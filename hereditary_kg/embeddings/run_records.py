"""What sites and server tell each other, as records of Flower's messages.

Only arrays, numbers and texts travel; nothing is pickled.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from numpy.typing import NDArray

from hereditary_kg.embeddings.alignment import RowMap, VocabularyOffer
from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.site_learner import Contribution
from hereditary_kg.embeddings.site_session import RoundReport

__all__ = [
    "Order",
    "read_answer",
    "read_arrays",
    "read_bytes",
    "read_contribution",
    "read_offer",
    "read_order",
    "read_report",
    "read_restored",
    "write_answer",
    "write_arrays",
    "write_bytes",
    "write_contribution",
    "write_offer",
    "write_order",
    "write_report",
]

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Order:
    """What the server asks of a site in a round.

    Attributes:
        number: the round, from 1; 0 for the end, where nothing is trained.
        look: whether the validation triples are to be ranked, before training.
        rows: for each kind the numbers of the rows whose agreed vectors are sent.
        offsets: for each name how far those rows are from the common start.
    """

    number: int
    look: bool
    rows: dict[Any, NDArray[np.int64]] = field(default_factory=dict)
    offsets: dict[str, NDArray[np.floating[Any]]] = field(default_factory=dict)


def write_arrays(records: RecordDict, name: str, arrays: Arrays) -> None:
    """Put arrays into a message's records."""
    records[name] = ArrayRecord({key: Array(np.ascontiguousarray(a)) for key, a in arrays.items()})


def read_arrays(records: RecordDict, name: str) -> dict[str, NDArray[Any]]:
    """Take arrays from a message's records; none if there are none of that name.

    Raises:
        TrainingError: what is there are no arrays.
    """
    found = records.get(name)
    if found is None:
        return {}
    if not isinstance(found, ArrayRecord):
        raise TrainingError(f"A message has no arrays under {name}. Run the same version.")
    return {key: array.numpy() for key, array in found.items()}


def write_bytes(**values: bytes) -> RecordDict:
    """Make records that hold signed messages, or other bytes."""
    return RecordDict({"bytes": ConfigRecord(dict(values))})


def read_bytes(records: RecordDict, key: str) -> bytes:
    """Take bytes from records.

    Raises:
        TrainingError: there are none.
    """
    record = records.get("bytes")
    value = record.get(key) if isinstance(record, ConfigRecord) else None
    if not isinstance(value, bytes):
        raise TrainingError(f"A message lacks {key}. Run the same version at all sites.")
    return value


def write_offer(offer: VocabularyOffer, version: str) -> RecordDict:
    """Write what a site offers to align, and which version it runs."""
    records = RecordDict(
        {
            "about": ConfigRecord(
                {"site": offer.site, "run": offer.run, "check": offer.check, "version": version}
            )
        }
    )
    write_arrays(records, "identifiers", {"entities": offer.entities, "relations": offer.relations})
    return records


def read_offer(records: RecordDict) -> tuple[VocabularyOffer, str]:
    """Read a site's offer and its version.

    Raises:
        TrainingError: it is none.
    """
    arrays, about = read_arrays(records, "identifiers"), _read_values(records, "about")
    try:
        texts = [about[key] for key in ("site", "run", "version")]
        site, run, version = (str(text) for text in texts)
        offer = VocabularyOffer(
            site, run, bytes(about["check"]), arrays["entities"], arrays["relations"]
        )
    except (KeyError, TypeError) as error:
        raise TrainingError(
            "A site answered with something else than its vocabulary. Run the same version of "
            "hereditary-kg everywhere."
        ) from error
    return offer, version


def write_answer(answer: RowMap) -> RecordDict:
    """Write which of a site's terms are which shared rows."""
    records = RecordDict()
    sizes = np.array([answer.entity_rows, answer.relation_rows], dtype=np.int64)
    arrays = {"entities": answer.entities, "relations": answer.relations, "sizes": sizes}
    write_arrays(records, "numbering", arrays)
    return records


def read_answer(records: RecordDict) -> RowMap:
    """Read the server's answer to an offer.

    Raises:
        TrainingError: it is none.
    """
    arrays = read_arrays(records, "numbering")
    try:
        entity_rows, relation_rows = (int(size) for size in arrays["sizes"])
        return RowMap(arrays["entities"], arrays["relations"], entity_rows, relation_rows)
    except (KeyError, ValueError) as error:
        raise TrainingError("The server's numbering cannot be read. Start the run anew.") from error


def write_order(order: Order) -> RecordDict:
    """Write what is asked of a site in a round."""
    records = RecordDict({"order": ConfigRecord({"number": order.number, "look": order.look})})
    write_arrays(records, "rows", order.rows)
    write_arrays(records, "offsets", order.offsets)
    return records


def read_order(records: RecordDict) -> Order:
    """Read what is asked of a site in a round.

    Raises:
        TrainingError: it is no order.
    """
    about = _read_values(records, "order")
    try:
        number, look = int(about["number"]), bool(about["look"])
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError("The server's order cannot be read. Run the same version.") from error
    return Order(number, look, read_arrays(records, "rows"), read_arrays(records, "offsets"))


def write_contribution(records: RecordDict, contribution: Contribution) -> None:
    """Put a contribution that is not masked into a reply's records."""
    owned = {kind: mask.astype(np.uint8) for kind, mask in contribution.owned.items()}
    write_arrays(records, "owned", owned)
    write_arrays(records, "changes", contribution.tensors)


def read_contribution(records: RecordDict) -> Contribution:
    """Take a contribution that is not masked from a reply's records."""
    owned = {kind: mask.astype(np.bool_) for kind, mask in read_arrays(records, "owned").items()}
    return Contribution(owned, read_arrays(records, "changes"))


def write_report(records: RecordDict, report: RoundReport) -> None:
    """Put a site's report of a round into a reply's records."""
    records["report"] = MetricRecord(asdict(report))


def read_restored(records: RecordDict) -> int:
    """Give the round of the checkpoint from which a site has gone on; 0 where it had none."""
    found = records.get("restored")
    number = found.get("round") if isinstance(found, MetricRecord) else None
    return number if isinstance(number, int) else 0


def read_report(records: RecordDict) -> RoundReport:
    """Take a site's report of a round from a reply's records.

    Raises:
        TrainingError: there is none.
    """
    found = records.get("report")
    if not isinstance(found, MetricRecord):
        raise TrainingError("A site's reply has no report. Run the same version at all sites.")
    values: dict[str, Any] = dict(found)
    return RoundReport(**values)


def _read_values(records: RecordDict, name: str) -> dict[str, Any]:
    found = records.get(name)
    return dict(found) if isinstance(found, ConfigRecord) else {}
