"""Secure aggregation: seconds of work and bytes sent, for each site and round.

One run of the protocol between sites in this process, at 14,541 rows of 256 numbers: the masked
difference, the optimiser's state of each row and the owners of each row. A site's time is that of
everything it does between having its update and having sent it (coding, masks, shares, hashes,
signature) and of its answer; the server's is that of taking the updates and of opening the sum. No
network is in it. Beside it stands one mask of Flower's SecAgg+ at the same size.
"""

import argparse
import datetime
import statistics
import time
import warnings
from importlib.metadata import version
from typing import Self

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg.embeddings.secure_aggregation import (
    AllowList,
    FixedPoint,
    RoundLayout,
    RowSpace,
    RunSettings,
    ServerProtocol,
    SitePolicy,
    SiteProtocol,
    TensorLayout,
    default_owners,
    default_threshold,
)
from hereditary_kg.embeddings.secure_aggregation.masks import add_mask

ROWS, COLUMNS = 14_541, 256
SITES = (2, 3, 5, 10, 20, 50)
ROUNDS = 3


class Clock:
    """Adds up the processor's seconds of what is done inside it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._started = time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.process_time() - self._started


def certify(site: str, key: Ed25519PrivateKey) -> x509.Certificate:
    """Make a certificate that the site signs itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, site)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(minutes=1))
    return builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, None)


def introduce(count: int) -> tuple[ServerProtocol, list[SiteProtocol], float]:
    """Bring a run to its first round; give also the seconds that this took a site."""
    names = tuple(f"site-{number:02d}" for number in range(count))
    keys = {name: Ed25519PrivateKey.generate() for name in names}
    listed = AllowList({name: certify(name, key) for name, key in keys.items()})
    settings = RunSettings(
        b"a run of 16 byte",
        names,
        default_threshold(count),
        default_owners(count),
        (RowSpace("entities", ROWS),),
    )
    server = ServerProtocol(settings, listed)
    policy = SitePolicy(fewest_sites=2)
    sites = [SiteProtocol(name, keys[name], listed, policy) for name in names]
    clock = Clock()
    with clock:
        introductions = [site.introduce(settings) for site in sites]
    for introduction in introductions:
        server.add_introduction(introduction)
    roster = server.roster()
    with clock:
        for site in sites:
            site.accept_roster(roster)
        declared = [site.declare({"entities": np.ones(ROWS, dtype=bool)}) for site in sites]
    for declaration in declared:
        server.add_declaration(declaration)
    declarations = server.declarations()
    with clock:
        for site in sites:
            site.accept_declarations(declarations)
    return server, sites, clock.seconds / count


def measure(count: int) -> list[list[str]]:
    """Measure rounds without and with as many drop-outs as the threshold allows."""
    server, sites, setup = introduce(count)
    coding = FixedPoint.finest(1.0, count)
    state = FixedPoint.finest(1000.0, count)
    layout = RoundLayout(
        {"entities": server.exchangeable_rows("entities")},
        [
            TensorLayout("difference", "entities", COLUMNS, coding),
            TensorLayout("state", "entities", 1, state),
        ],
    )
    random = np.random.default_rng(1)
    difference = random.normal(0, 0.1, (ROWS, COLUMNS)).astype(np.float32)
    values = {"difference": difference, "state": random.random((ROWS, 1)).astype(np.float32)}
    table = []
    number = 0
    for silent in sorted({0, count - server.settings.threshold}):
        site_times, server_times, sent = [], [], 0
        for _ in range(ROUNDS):
            number += 1
            site_clock, server_clock = Clock(), Clock()
            server.begin_round(number, layout)
            for site in sites[silent:]:
                with site_clock:
                    update = site.mask(number, layout, values)
                with server_clock:
                    server.add_update(update)
                sent = len(update)
            with server_clock:
                requests = server.close_round()
            answer = b""
            for site in sites[silent:]:
                if site.site in requests:
                    with site_clock:
                        answer = site.answer(requests[site.site])
                    with server_clock:
                        server.add_answer(answer)
            with server_clock:
                opened = server.finish_round()
            plain = difference.clip(-1, 1).astype(np.float64) * (count - silent)
            error = float(np.abs(opened.sums["difference"] - plain).max())
            if error > coding.step:
                raise SystemExit(f"the sum is wrong by {error}; nothing is reported")
            site_times.append(site_clock.seconds / (count - silent))
            server_times.append(server_clock.seconds)
        table.append(
            [
                str(count),
                str(server.settings.threshold),
                str(silent),
                f"{setup * 1000:.0f} ms",
                f"{statistics.median(site_times) * 1000:.0f} ms",
                f"{statistics.median(server_times) * 1000:,.0f} ms",
                f"{(sent + len(answer)) / 1e6:.2f} MB",
                f"{(len(answer)) / 1e3:.1f} kB",
                f"{error / coding.step:.2f}",
            ]
        )
        print(table[-1], flush=True)
    return table


def measure_masks() -> str:
    """Time one mask of ours and one of Flower's, in turns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen
    residues = np.zeros(ROWS * COLUMNS, dtype="<u4")
    ours, theirs = [], []
    for number in range(5):
        key = bytes([number]) * 32
        with Clock() as clock:
            add_mask(residues, key, negative=False)
        ours.append(clock.seconds)
        with Clock() as clock:
            pseudo_rand_gen(key, 1 << 32, [(ROWS, COLUMNS)])
        theirs.append(clock.seconds)
    return (
        f"One mask of that size: {statistics.median(ours) * 1000:.1f} ms here (ChaCha20, a key of "
        f"256 bits), {statistics.median(theirs) * 1000:.1f} ms in Flower {version('flwr')}'s "
        "SecAgg+ (MT19937, a seed of 28 bits)."
    )


def main() -> None:
    """Measure, print, and write the document's section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=list(SITES))
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    rows = [row for count in options.sites for row in measure(count)]
    head = (
        "sites",
        "threshold",
        "silent",
        "once a run, a site",
        "a site",
        "the server",
        "a site sends",
        "of it the answer",
        "error in steps",
    )
    text = "\n\n".join(
        [
            write_table(head, rows),
            measure_masks(),
            f"cryptography {version('cryptography')}, numpy {version('numpy')}; "
            + describe_machine(),
        ]
    )
    print(text)
    if options.markdown:
        write_section("secure_aggregation", text)


if __name__ == "__main__":
    main()
