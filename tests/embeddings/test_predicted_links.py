"""Several models beside each other, their ensemble, and the files that it all is written to."""

import io
from dataclasses import replace

import polars as pl
import pyoxigraph
import pytest
import torch
from small_models import ring_model

from hereditary_kg.embeddings.alignment_keys import AlignmentKey
from hereditary_kg.embeddings.errors import PredictionError
from hereditary_kg.embeddings.known_links import publish_known_links
from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.predicted_link_writing import (
    PREFIXES,
    write_parquet,
    write_rdf,
    write_tsv,
)
from hereditary_kg.embeddings.predicted_links import (
    ENSEMBLE,
    NamedModel,
    PublishedLinks,
    predict_links,
)
from hereditary_kg.embeddings.prediction import LinkPredictor, LinkQuestion
from hereditary_kg.embeddings.triples import TripleSet
from hereditary_kg.rdf.media_types import GraphFormat

ALL = LinkQuestion("relation:next", None, None, ("term:",), ("term:",))
ONE = LinkQuestion("relation:next", "term:3", None, None, ("term:",))
KEY = AlignmentKey(b"k" * 32)


def _blurred(seed=0, amount=0.6):
    saved = ring_model()
    drawn = torch.Generator().manual_seed(seed)
    entities = saved.model.entities
    noise = torch.randn(entities.shape, generator=drawn)
    model = EmbeddingModel("RotatE", entities + amount * noise, saved.model.relations)
    return replace(saved, model=model)


def _pair():
    return [NamedModel("sharp", ring_model()), NamedModel("blurred", _blurred())]


def _triples(frame, model=None):
    rows = frame if model is None else frame.filter(pl.col("model") == model)
    return list(rows.select("head", "relation", "tail").iter_rows())


def test_one_model_is_shown_with_reasons_and_no_ensemble():
    found = predict_links([NamedModel("sharp", ring_model())], ONE, 4)
    assert found["model"].unique().to_list() == ["sharp"]
    assert found["rank"].to_list() == [1, 2, 3, 4]
    first = found.row(0, named=True)
    assert (first["tail"], first["nearest"][0]["similarity"] > 0.8) == ("term:4", True)
    assert first["paths"][0] == {
        "relations": ["relation:near", "^relation:near"],
        "through": ["term:11"],
    }


def test_the_ensemble_is_the_mean_of_probabilities():
    models = _pair()
    found = predict_links(models, ALL, 5)
    assert found["model"].to_list() == ["sharp"] * 5 + ["blurred"] * 5 + [ENSEMBLE] * 5
    fused = found.filter(pl.col("model") == ENSEMBLE)
    triples = _triples(fused)
    rated = [LinkPredictor(model.saved).rate(triples) for model in models]
    means = [sum(each) / 2 for each in zip(*rated, strict=True)]
    assert fused["probability"].to_list() == pytest.approx(means)
    assert fused["score"].to_list() == pytest.approx(means)
    assert means == sorted(means, reverse=True)


def test_fusion_is_of_ranks():
    models = _pair()
    found = predict_links(models, ALL, 50, rule="fusion")
    ranks = [{t: r for r, t in enumerate(_triples(found, model.name), start=1)} for model in models]
    fused = found.filter(pl.col("model") == ENSEMBLE)
    for triple, score in zip(_triples(fused)[:5], fused["score"].to_list()[:5], strict=True):
        assert score == pytest.approx(sum(1 / (60 + each[triple]) for each in ranks))
    assert fused["probability"].null_count() == fused.height


def test_without_calibration_ranks_are_fused():
    models = [*_pair()[:1], NamedModel("plain", ring_model(calibration=None))]
    found = predict_links(models, ALL, 3)
    assert found.filter(pl.col("model") != "sharp")["probability"].null_count() == 6
    assert found.filter(pl.col("model") == ENSEMBLE)["score"][0] == pytest.approx(2 / 61)
    with pytest.raises(PredictionError, match="no calibration"):
        predict_links(models, ALL, 3, rule="mean")


def test_what_one_of_the_sites_knows_is_left_out_of_all():
    whole = ring_model(unknown=((7, 8),))
    models = [NamedModel("one", ring_model()), NamedModel("two", whole)]
    found = predict_links(models, ALL, 200)
    assert not set(_triples(found)) & set(whole.known.labels())
    assert _triples(found, "one")[0] == ("term:7", "relation:next", "term:8")


def test_what_is_published_is_left_out():
    elsewhere = TripleSet.from_labels([("term:3", "relation:next", "term:4")])
    links = publish_known_links(elsewhere, Namespaces(("term:", "relation:")), KEY, "ring")
    model = [NamedModel("one", ring_model())]
    found = predict_links(model, ONE, 3, published=PublishedLinks((links,), KEY))
    plain = predict_links(model, ONE, 4)
    assert _triples(found) == _triples(plain)[1:]
    assert found["rank"].to_list() == [1, 2, 3]
    other = PublishedLinks((links,), AlignmentKey(b"x" * 32))
    with pytest.raises(PredictionError, match="another key"):
        predict_links(model, ONE, 3, published=other)


def test_tables_come_back():
    found = predict_links(_pair(), ALL, 4)
    assert pl.read_parquet(io.BytesIO(write_parquet(found))).equals(found)
    text = pl.read_csv(io.BytesIO(write_tsv(found)), separator="\t", quote_char=None)
    plain = found.columns[:7]
    assert text.select(plain).equals(found.select(plain))
    assert text["nearest"][0].count(" | ") == 2
    assert "relation:near/^relation:near through term:11" in "".join(text["paths"].drop_nulls())


@pytest.mark.parametrize("kind", [GraphFormat.NTRIPLES, GraphFormat.TURTLE])
def test_rdf_says_each_link_once_with_all_that_was_predicted(kind):
    models = _pair()
    found = predict_links(models, ALL, 4)
    document = write_rdf(found, models, kind)
    assert document == write_rdf(found, models, kind)
    store = pyoxigraph.Store()
    media = {GraphFormat.NTRIPLES: "N_TRIPLES", GraphFormat.TURTLE: "TURTLE"}[kind]
    store.load(document, format=getattr(pyoxigraph.RdfFormat, media))
    names = "".join(f"PREFIX {prefix}: <{iri}>\n" for prefix, iri in PREFIXES.items())
    asked = """SELECT ?model ?rank ?head ?relation ?tail ?score ?probability {
        ?link a rdf:Statement ; rdf:subject ?head ; rdf:predicate ?relation ; rdf:object ?tail ;
            hkg:rank ?rank ; hkg:score ?score ; hkg:probability ?probability ;
            prov:wasGeneratedBy ?activity ; hkg:model ?used .
        ?activity a prov:Activity ; prov:used ?used ; rdfs:label ?label .
        ?used a prov:Entity ; rdfs:label ?model ; hkg:run "ring" ; hkg:site "clinic" }"""
    rows = list(store.query(names + asked))
    # The ensemble's links are of both models.
    assert len(rows) == 4 + 4 + 2 * 4
    told = {(row["head"].value, row["tail"].value, float(row["score"].value)) for row in rows}
    assert told == set(found.select("head", "tail", "score").iter_rows())
    links = "SELECT DISTINCT ?link { ?link a rdf:Statement }"
    assert len(list(store.query(names + links))) == 12
    # Nothing is asserted.
    asserted = "SELECT * { ?head <relation:next> ?tail }"
    assert not list(store.query(names + asserted))


def test_what_is_no_iri_is_told():
    found = predict_links([NamedModel("sharp", ring_model())], ONE, 1)
    found = found.with_columns(pl.lit("/m/02 x").alias("tail"))
    with pytest.raises(PredictionError, match="no IRI"):
        write_rdf(found, [NamedModel("sharp", ring_model())], GraphFormat.NTRIPLES)
