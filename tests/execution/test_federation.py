"""The synchronous face: threads, running event loops, closing, and giving up."""

import asyncio
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hereditary_kg.execution.errors import ExecutionError, IncompleteAnswerError
from hereditary_kg.execution.federation import Federation
from hereditary_kg.federation.description import FederationDescription
from hereditary_kg.sites.site import Site
from hereditary_kg.sparql.errors import SparqlSyntaxError
from tests.execution.scripted_federations import LONG, Endpoint, HttpServers, triples

PREFIX = "PREFIX : <http://example.org/>\n"
JOIN = PREFIX + "SELECT * { ?s :p ?o . ?o :q ?t }"
PATIENCE = LONG / 2


@pytest.fixture
def endpoints():
    clinic = Endpoint("clinic", triples("a p b", "c p d"))
    return clinic, Endpoint("registry", triples("b q x", "d q y"))


def federation_of(endpoints):
    members = [endpoint.member() for endpoint in endpoints]
    descriptions = tuple(member.description for member in members)
    description = FederationDescription("test", members=descriptions, prefixes=PREFIXES)
    return Federation(description, members)


PREFIXES = {"ex": "http://example.org/"}


@pytest.fixture
def federation(endpoints):
    with federation_of(endpoints) as federation:
        yield federation


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "this did not come about"
        time.sleep(0.005)


def loop_threads():
    return [thread for thread in threading.enumerate() if thread.name == "hereditary_kg"]


def test_queries_know_the_federations_prefixes(federation):
    assert len(federation.query("SELECT * { ?s ex:p ?o }")) == 2


def test_an_empty_answer_is_explained(federation):
    query = "SELECT * { ?s ex:p ?o . ?o ex:p ?t }"
    assert not federation.query(query)
    diagnosis = federation.explain_empty(query)
    assert diagnosis.is_empty
    (loss,) = diagnosis.losses
    assert loss.kind == "join"
    assert str(diagnosis) == diagnosis.to_text()
    assert loss.text in str(diagnosis)


def test_an_explanation_keeps_to_its_number_of_queries(federation):
    diagnosis = federation.explain_empty("SELECT * { ?s ex:p ?o . ?o ex:p ?t }", most_queries=1)
    assert diagnosis.queries == 1
    assert diagnosis.unfinished is not None


def test_errors_come_as_they_are(federation, endpoints):
    with pytest.raises(SparqlSyntaxError):
        federation.query("SELECT * { ?s :p")
    endpoints[1].fault = "500"
    with pytest.raises(IncompleteAnswerError, match="'registry'"):
        federation.query(JOIN)


def test_a_plan_can_be_had_before_and_after(federation, endpoints):
    before = federation.explain(JOIN)
    assert before.root.rows is None
    assert not endpoints[0].queries
    after = federation.explain(JOIN, analyze=True)
    assert after.root.rows == 2


def test_members_can_be_checked(federation):
    statuses = federation.check()
    assert [status.name for status in statuses] == ["clinic", "registry"]
    assert federation.members[0].name == federation.description.members[0].name == "clinic"


def test_several_threads_ask_at_once(federation):
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(federation.query, [JOIN] * 40))
    assert {len(result) for result in results} == {2}
    assert len(loop_threads()) == 1


async def test_it_works_inside_a_running_event_loop(federation):
    assert len(federation.query(JOIN)) == 2
    assert len(await asyncio.to_thread(federation.query, JOIN)) == 2


@pytest.mark.sockets
def test_a_closed_federation_opens_again(endpoints):
    with HttpServers(*endpoints) as servers:
        federation = servers.synchronous_federation()
        for _ in range(2):
            assert len(federation.query(JOIN)) == 2
            assert len(loop_threads()) == 1
            federation.close()
            assert not loop_threads()
        federation.close()


def test_a_federation_that_asked_nothing_closes():
    with federation_of([]) as federation:
        assert not loop_threads()
    federation.close()


@pytest.mark.parametrize("fault", ["slow", "dripping"])
def test_closing_ends_what_another_thread_asks(endpoints, fault):
    endpoints[1].fault = fault
    federation = federation_of(endpoints)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(federation.query, JOIN, timeout=LONG)
        wait_until(lambda: endpoints[1].transport.open)
        federation.close()
        with pytest.raises(ExecutionError, match="closed before it had answered"):
            asked.result(timeout=PATIENCE)
    assert not loop_threads()
    assert endpoints[1].transport.open == 0


def test_control_c_ends_the_query_at_the_members(federation, endpoints):
    endpoints[1].fault = "slow"

    def interrupt():
        wait_until(lambda: endpoints[1].transport.open)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        federation.query(JOIN, timeout=LONG)
    interrupter.join()
    wait_until(lambda: endpoints[1].transport.open == 0)
    endpoints[1].fault = None
    assert len(federation.query(JOIN)) == 2


def test_a_description_file_opens_sites_in_this_process(tmp_path):
    for name, lines in {"clinic": ("a p b",), "registry": ("b q x",)}.items():
        data = tmp_path / f"{name}.nt"
        data.write_text("".join(" ".join(triple) + " .\n" for triple in triples(*lines)))
        with Site.create(tmp_path / name, name=name) as site:
            site.load([data])
            site.build_profile()
    description = tmp_path / "federation.toml"
    description.write_text(
        'name = "two"\n'
        + "".join(
            f'[[member]]\nname = "{name}"\nsite = "{name}"\n' for name in ("clinic", "registry")
        )
    )
    with Federation.open(description) as federation:
        result = federation.query(JOIN)
        assert len(result) == 1
        assert result.certificate.complete
