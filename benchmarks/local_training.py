"""Training and ranking on FB15k-237 beside PyKEEN's: epochs, quality after a minute, calibration.

Scores are compared with PyKEEN's before anything is timed. Both train on the same triples with the
same loss, optimiser and number of real numbers a vector; they take turns, and what is printed is
what the clock says, with the processor's time beside it, since a busy machine stretches the former.
An epoch is timed over a share of the triples, with all entities: its time is that of its batches.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from pykeen.evaluation import RankBasedEvaluator
from pykeen.utils import set_random_seed

from benchmarks.link_prediction_data import FB15K_237, Splits, read_openke
from benchmarks.reporting import describe_machine, write_section, write_table
from hereditary_kg.embeddings.calibration import (
    draw_reliability,
    fit_calibration,
    measure_reliability,
    predict_held_out,
)
from hereditary_kg.embeddings.local_training import (
    LocalTraining,
    Training,
    TrainingOptions,
    suggest_options,
)
from hereditary_kg.embeddings.losses import SelfAdversarialLoss, SoftmaxLoss
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.pykeen_models import PyKEENScorer, PyKEENTraining, to_pykeen
from hereditary_kg.embeddings.ranking import rank_triples
from hereditary_kg.embeddings.triples import TripleSet

DIMENSION = 256
REPEATS = 3
PARTS = ("epochs", "quality", "ranking")
RANKED = ("TransE", "RotatE")
PICTURE = Path("docs/reliability.svg")
THEIRS = {
    # PyKEEN's class and settings for 256 real numbers a vector; a complex number is two.
    "TransE": ("TransE", {"embedding_dim": DIMENSION, "scoring_fct_norm": 1}),
    "TransE-L2": ("TransE", {"embedding_dim": DIMENSION, "scoring_fct_norm": 2}),
    "DistMult": ("DistMult", {"embedding_dim": DIMENSION}),
    "ComplEx": ("ComplEx", {"embedding_dim": DIMENSION // 2}),
    "RotatE": ("RotatE", {"embedding_dim": DIMENSION // 2}),
}


TRAINED = ("TransE-L2", "RotatE")
"""What is trained for quality, with the options that are suggested."""
TRAINED_DIMENSION = 128


@dataclass(frozen=True)
class Timing:
    """Seconds of the clock and of the processor."""

    clock: float
    processor: float

    def over(self, divisor: float) -> "Timing":
        """Divide both."""
        return Timing(self.clock / divisor, self.processor / divisor)


def timed(action: Callable[[], object]) -> Timing:
    """Time something."""
    clock, processor = time.perf_counter(), time.process_time()
    action()
    return Timing(time.perf_counter() - clock, time.process_time() - processor)


def median(timings: Sequence[Timing]) -> Timing:
    """Take the medians."""
    return Timing(
        statistics.median(timing.clock for timing in timings),
        statistics.median(timing.processor for timing in timings),
    )


def check_scores(splits: Splits) -> None:
    """Compare scores with those of PyKEEN's classes.

    Raises:
        SystemExit: they differ; nothing is timed then.
    """
    for name in THEIRS:
        model = _initialise(name, splits.train, DIMENSION)
        theirs = PyKEENScorer(to_pykeen(model, splits.train))
        first, second = torch.arange(0, 64), torch.arange(64) * 3
        for ours, found in (
            (model.score_tails(first, second), theirs.score_tails(first, second)),
            (model.score_heads(second, first), theirs.score_heads(second, first)),
        ):
            # A Manhattan distance of 40 has a rounding error of 1e-5 itself.
            if not torch.allclose(ours, found.detach(), atol=1e-5, rtol=1e-6):
                raise SystemExit(f"{name} scores otherwise than PyKEEN's; nothing is reported")


def compare_epochs(splits: Splits, names: Sequence[str], share: float) -> str:
    """Time epochs of both loops."""
    rows = []
    drawn = np.random.default_rng(0)
    part = splits.train.select(drawn.permutation(len(splits.train))[: int(share * 272_115)])
    scale = len(part) / len(splits.train)
    for name in names:
        for negatives in (64, 256):
            ours = LocalTraining(
                _initialise(name, part, DIMENSION),
                part,
                TrainingOptions(SelfAdversarialLoss(), negatives=negatives),
            )
            kind, settings = THEIRS[name]
            theirs = [
                PyKEENTraining(
                    kind,
                    part,
                    settings,
                    loss="nssa",
                    negatives=negatives,
                    batch_size=size,
                    device="cpu",
                )
                for size in (256, 1024)
            ]
            times = [
                [timing.over(scale) for timing in found] for found in _take_turns([ours, *theirs])
            ]
            mine, *others = map(median, times)
            rows.append(
                (
                    f"{name}, {negatives}",
                    *(f"{timing.clock:,.1f} s" for timing in (mine, *others)),
                    *(f"{timing.processor:,.1f} s" for timing in (mine, *others)),
                    f"{min(other.clock for other in others) / mine.clock:.1f}",
                    f"{min(other.processor for other in others) / mine.processor:.1f}",
                )
            )
            print(rows[-1], flush=True)
    head = (
        "model, negatives", "hereditary_kg", "PyKEEN, 256", "PyKEEN, 1024",
        "processor", "PyKEEN, 256", "PyKEEN, 1024", "times as fast", "by processor",
    )  # fmt: skip
    return write_table(head, rows)


def _take_turns(trainings: Sequence[Training]) -> list[list[Timing]]:
    for training in trainings:
        training.train(1)
    times: list[list[Timing]] = [[] for _ in trainings]
    for _ in range(REPEATS):
        for training, found in zip(trainings, times, strict=True):
            found.append(timed(lambda training=training: training.train(1)))
    return times


def compare_quality(splits: Splits, names: Sequence[str], seconds: float, busy: bool) -> str:
    """Train for the same time, ours and PyKEEN's, rank the test triples and calibrate ours."""
    rows = []
    models = {}
    for name in names:
        model = _initialise(name, splits.train, TRAINED_DIMENSION)
        ours = LocalTraining(model, splits.train, suggest_options(name))
        spent = _train_for(ours, seconds, busy)
        models[name] = model
        rows.append((f"hereditary_kg, {name}", *_quality(model, splits), *spent))
        print(rows[-1], flush=True)
        kind, settings = THEIRS[name]
        numbers = TRAINED_DIMENSION * settings["embedding_dim"] // DIMENSION
        for optimiser, rate in (("adagrad", 0.1), ("adam", 0.001)):
            set_random_seed(0)
            theirs = PyKEENTraining(
                kind,
                splits.train,
                settings | {"embedding_dim": numbers},
                loss="nssa",
                optimiser=optimiser,
                learning_rate=rate,
                negatives=64,
                device="cpu",
            )
            spent = _train_for(theirs, seconds, busy)
            vectors = _as_ours(name, theirs, splits)
            rows.append((f"PyKEEN, {kind}, {optimiser}", *_quality(vectors, splits), *spent))
            print(rows[-1], flush=True)
    head = ("way, model", "MRR", "Hits@1", "Hits@10", "epochs", "clock", "processor")
    return (
        f"{write_table(head, rows)}\n\nTen predicted links a question of the test triples, "
        f"calibrated on validation triples:\n\n{_calibrate(splits, models)}\n\n"
        f"![What was said of predicted links, and what was right]({PICTURE.name})"
    )


def _train_for(training: Training, seconds: float, busy: bool) -> tuple[str, str, str]:
    """Train while there is time for half an epoch or more, one epoch at least."""
    epochs, clock, processor, spent = 0, 0.0, 0.0, 0.0
    while not epochs or seconds - spent > spent / epochs / 2:
        taken = timed(lambda: training.train(1))
        epochs, clock, processor = epochs + 1, clock + taken.clock, processor + taken.processor
        spent = processor / torch.get_num_threads() if busy else clock
    return f"{epochs}", f"{clock:.0f} s", f"{processor:.0f} s"


def _as_ours(name: str, theirs: PyKEENTraining, splits: Splits) -> EmbeddingModel:
    """Put PyKEEN's vectors into our class, which ranks them sooner.

    Raises:
        SystemExit: it scores otherwise.
    """
    model = _initialise(name, splits.train, TRAINED_DIMENSION)
    for kind, vectors in theirs.parameters().items():
        getattr(model, kind).copy_(vectors)
    first, second = torch.arange(0, 64), torch.arange(64) * 3
    found = theirs.scorer.score_tails(first, second)
    if not torch.allclose(model.score_tails(first, second), found, atol=1e-4, rtol=1e-5):
        raise SystemExit(f"PyKEEN's {name} scores otherwise in our class; nothing is reported")
    return model


def _quality(scorer: object, splits: Splits) -> tuple[str, str, str]:
    found = rank_triples(scorer, splits.test, [splits.train, splits.valid]).metrics()
    return (
        f"{found.mean_reciprocal_rank:.3f}",
        f"{found.hits_at_1:.3f}",
        f"{found.hits_at_10:.3f}",
    )


def compare_ranking(splits: Splits, names: Sequence[str], limit: int) -> str:
    """Time the ranking of test triples, after comparing its metrics with PyKEEN's.

    Raises:
        SystemExit: the metrics differ.
    """
    chosen = np.sort(np.random.default_rng(0).permutation(len(splits.test))[:limit])
    test = splits.test.select(chosen)
    known = [splits.train, splits.valid, splits.test]
    rows = []
    for name in names:
        model = _initialise(name, splits.train, DIMENSION)
        LocalTraining(model, splits.train, TrainingOptions(SoftmaxLoss(), negatives=64)).train(1)
        theirs = to_pykeen(model, splits.train)
        found: list[float] = []

        def ours(model: EmbeddingModel = model, found: list[float] = found) -> None:
            metrics = rank_triples(model, test, known).metrics()
            found.append(metrics.mean_reciprocal_rank)

        def evaluate(theirs: object = theirs, found: list[float] = found) -> None:
            results = RankBasedEvaluator(filtered=True).evaluate(
                theirs,
                mapped_triples=torch.from_numpy(test.triples),
                additional_filter_triples=[torch.from_numpy(part.triples) for part in known],
                batch_size=32,
                use_tqdm=False,
            )
            found.append(results.get_metric("both.realistic.inverse_harmonic_mean_rank"))

        mine, other = timed(ours), timed(evaluate)
        if abs(found[0] - found[1]) > 5e-5:
            raise SystemExit(f"{name}: the MRR is {found[0]}, PyKEEN's {found[1]}")
        rows.append(
            (
                name,
                *(f"{value:.5f}" for value in found),
                f"{mine.clock:.1f} s",
                f"{other.clock:.1f} s",
                f"{mine.processor:.1f} s",
                f"{other.processor:.1f} s",
            )
        )
        print(rows[-1], flush=True)
    head = ("model", "MRR", "PyKEEN's", "clock", "PyKEEN's", "processor", "PyKEEN's")
    return f"{len(test):,} test triples, both sides:\n\n{write_table(head, rows)}"


def _calibrate(splits: Splits, models: dict[str, EmbeddingModel]) -> str:
    """Fit probabilities on validation triples and test them."""
    rows, drawn = [], {}
    for name, model in models.items():
        found = fit_calibration(predict_held_out(model, splits.valid, [splits.train]))
        links = predict_held_out(
            model, splits.test, [splits.train, splits.valid], limit=None, calibration=found
        )
        reliability = measure_reliability(found, links)
        best = measure_reliability(found, links.best(1))
        drawn[name] = reliability
        rows.append(
            (
                name,
                f"{found.temperature:.3f}",
                f"{found.bias:.2f}",
                f"{reliability.counts.sum():,}",
                f"{links.right.mean():.3f}",
                f"{reliability.expected_calibration_error:.4f}",
                f"{best.expected_calibration_error:.4f}",
            )
        )
    draw_reliability(drawn, PICTURE)
    head = ("model", "temperature", "bias", "links", "right", "error", "error of best links")
    return write_table(head, rows)


def _initialise(name: str, triples: TripleSet, dimension: int) -> EmbeddingModel:
    return EmbeddingModel.initialise(
        name, len(triples.entities), len(triples.relations), dimension, device="cpu"
    )


def main() -> None:
    """Run what is asked for, and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.local_training")
    parser.add_argument("--data", type=Path, default=FB15K_237, help="FB15k-237's directory")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one")
    parser.add_argument("--model", action="append", choices=list(THEIRS), help="only this one")
    parser.add_argument("--share", type=float, default=0.05, help="of triples in a timed epoch")
    parser.add_argument("--seconds", type=float, default=60, help="of training for quality")
    parser.add_argument(
        "--busy",
        action="store_true",
        help="others use the machine: a second of training is one of the processor on each thread",
    )
    parser.add_argument("--ranked", type=int, default=20_466, help="test triples that are ranked")
    parser.add_argument("--markdown", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    names = arguments.model or list(THEIRS)
    splits = read_openke(arguments.data)
    check_scores(splits)
    machine = (
        f"{describe_machine()} torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"PyKEEN {version('pykeen')}."
    )
    for part in arguments.part or PARTS:
        if part == "epochs":
            text = compare_epochs(splits, names, arguments.share)
        elif part == "quality":
            chosen = [name for name in TRAINED if name in names]
            text = compare_quality(splits, chosen, arguments.seconds, arguments.busy)
        else:
            chosen = [name for name in RANKED if name in names]
            text = compare_ranking(splits, chosen, arguments.ranked)
        print(text)
        if arguments.markdown:
            write_section(f"local_training_{part}", f"{text}\n\n{machine}")


if __name__ == "__main__":
    main()
