"""Small graphs that Hypothesis draws."""

from hypothesis import strategies as st

from hereditary_kg.embeddings.triples import TripleSet

ENTITIES = [f"e{number}" for number in range(9)]
RELATIONS = ["likes", "knows", "is part of"]

labelled_triples = st.lists(
    st.tuples(st.sampled_from(ENTITIES), st.sampled_from(RELATIONS), st.sampled_from(ENTITIES)),
    max_size=60,
)
graphs = labelled_triples.map(TripleSet.from_labels)
