"""Five sites that code in their own ways, a hub, and questions in the user's codes.

Run as ``python -m benchmarks.interconversion`` it builds the sites and the hub from the reference
data, asks each question as one federated query, and compares each answer with published figures and
with what plain Python finds in the files. In a notebook::

    from benchmarks.interconversion import QUESTIONS, ask, build_hub, build_sites
    from hereditary_kg import Federation

    description = build_sites(directory)
    build_hub(directory / "hub")
    with Federation.open(description) as federation:
        for question in QUESTIONS:
            asked = ask(federation, question)
            print(question.title, asked.result.to_polars(), asked.result.certificate.statement)
"""

from benchmarks.interconversion.asking import Asked, ask, convert_phenopackets_to
from benchmarks.interconversion.questions import QUESTIONS, Question
from benchmarks.interconversion.sites import build_hub, build_sites

__all__ = [
    "QUESTIONS",
    "Asked",
    "Question",
    "ask",
    "build_hub",
    "build_sites",
    "convert_phenopackets_to",
]
