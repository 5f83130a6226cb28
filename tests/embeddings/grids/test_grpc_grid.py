import threading
from pathlib import Path

import grpc
import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from hereditary_kg.embeddings.grids import site_stream
from hereditary_kg.embeddings.grids.certificates import Authority
from hereditary_kg.embeddings.grids.errors import (
    CertificateError,
    GridError,
    ManifestError,
    PolicyError,
    RefusedError,
    UnreachableError,
    VersionError,
)
from hereditary_kg.embeddings.grids.flower_api import NODE_UNAVAILABLE
from hereditary_kg.embeddings.grids.grpc_grid import GrpcGrid
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.limits import Limits
from hereditary_kg.embeddings.grids.messages import node_of_site
from hereditary_kg.embeddings.grids.node import SiteApp
from hereditary_kg.embeddings.grids.policy import LearningPolicy
from hereditary_kg.embeddings.grids.running import run_server_app
from hereditary_kg.embeddings.grids.tls_diagnosis import diagnose
from tests.embeddings.grids import sum_apps
from tests.embeddings.grids.grpc_sites import LIMITS, NUMBERS, Federation, SiteThread, site_threads

SETTINGS = {"sites": 3, "rounds": 3, "size": 5, "timeout": 60.0}


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return Federation(tmp_path)


def ask(grid: GrpcGrid, text: str = "") -> list[Message]:
    return [
        Message(RecordDict({"asked": ConfigRecord({"text": text})}), node, "train")
        for node in grid.get_node_ids()
    ]


def test_the_result_is_that_of_the_grid_in_one_process(federation: Federation) -> None:
    with federation.serve(federation.manifest()) as grid:
        workers = [federation.worker(grid.port, site) for site in NUMBERS]
        with site_threads(workers) as threads:
            over_sockets = run_server_app(sum_apps.server, grid, SETTINGS)
            names = [node.name for node in grid.get_nodes()]
            grid.close(finished=True)
            for thread in threads:
                thread.join()
                assert thread.failure is None
    sites = [SiteApp(site, sum_apps.client, {"number": NUMBERS[site]}) for site in NUMBERS]
    with InProcessGrid(sites) as here:
        in_process = run_server_app(sum_apps.server, here, SETTINGS)
    assert names == sorted(NUMBERS)
    assert over_sockets["report"] == in_process["report"] == {"missing": [], "counts": [3, 3, 3]}
    assert (
        over_sockets["result"].to_numpy_ndarrays()[0].tobytes()
        == in_process["result"].to_numpy_ndarrays()[0].tobytes()
    )


def test_a_client_finds_the_run_and_its_site_in_the_context(federation: Federation) -> None:
    app = ClientApp()

    @app.query()
    def tell(message: Message, context: Context) -> Message:
        found = {**context.run_config, **context.node_config, "run": context.run_id}
        return Message(RecordDict({"found": ConfigRecord(found)}), reply_to=message)

    with federation.serve(federation.manifest()) as grid:
        worker = federation.worker(grid.port, "clinic", app, directory="d")
        with site_threads([worker]):
            grid.wait_for_sites(1, 60)
            (node,) = grid.get_node_ids()
            (reply,) = grid.send_and_receive([Message(RecordDict(), node, "query")])
    assert reply.content["found"] == {
        "rounds": 3,
        "minimum-sites": 2,
        "sites": 3,
        "training.model": "sum",
        "privacy.secure-aggregation": False,
        "number": 2,
        "directory": "d",
        "site": "clinic",
        "run": 7,
    }


def test_one_worker_takes_part_in_one_run_after_another(federation: Federation) -> None:
    settings = {**SETTINGS, "sites": 1}
    first = federation.serve(federation.manifest(run_id=1))
    port = first.port
    with site_threads([federation.worker(port, "clinic")], runs=2) as (thread,):
        with first:
            run_server_app(sum_apps.server, first, settings)
        with federation.serve(federation.manifest(run_id=2), f"127.0.0.1:{port}") as second:
            state = run_server_app(sum_apps.server, second, settings)
        thread.join()
        assert thread.failure is None
    assert state["report"]["counts"] == [3]


class TestRefusals:
    def failure(self, federation: Federation, thread: SiteThread) -> Exception:
        thread.join()
        assert thread.failure is not None
        return thread.failure

    def test_a_certificate_that_is_not_listed(self, federation: Federation) -> None:
        stranger = federation.authority.issue_site("stranger")
        with federation.serve(federation.manifest()) as grid:
            worker = federation.worker(grid.port, "stranger", identity=stranger)
            error = self.failure(federation, SiteThread(worker))
            with pytest.raises(UnreachableError, match=r"refused: The certificate sha256:"):
                grid.wait_for_sites(1, 0.1)
        assert isinstance(error, RefusedError)
        assert "not on the server's list of sites" in str(error)
        assert "[sites.NAME] fingerprint" in str(error)

    def test_a_certificate_of_another_authority(self, federation: Federation) -> None:
        foreign = Authority.create("Somebody").issue_site("clinic")
        told = type(foreign)(foreign.certificate, foreign.key, federation.authority.certificate)
        with federation.serve(federation.manifest()) as grid:
            worker = federation.worker(grid.port, "clinic", identity=told)
            error = self.failure(federation, SiteThread(worker))
        assert isinstance(error, CertificateError)
        assert "is not signed by the authority CN=Tests" in str(error)
        assert "but by CN=Somebody" in str(error)
        assert "All sides need certificates of the same authority" in str(error)

    def test_a_certificate_that_is_not_for_clients(self, federation: Federation) -> None:
        with federation.serve(federation.manifest()) as grid:
            worker = federation.worker(grid.port, "clinic", identity=federation.server)
            error = self.failure(federation, SiteThread(worker))
        assert isinstance(error, CertificateError)
        assert "does not accept this site's certificate sha256:" in str(error)

    def test_a_server_of_another_authority(self, federation: Federation) -> None:
        other = Authority.create("Somebody").issue_site("clinic")
        with federation.serve(federation.manifest()) as grid:
            worker = federation.worker(grid.port, "clinic", identity=other)
            error = self.failure(federation, SiteThread(worker))
        assert isinstance(error, CertificateError)
        assert "the server's certificate is not accepted" in str(error)

    def test_no_certificate(self, federation: Federation) -> None:
        authority = federation.server.authority_pem
        with federation.serve(federation.manifest()) as grid:
            address = f"127.0.0.1:{grid.port}"
            with grpc.secure_channel(address, grpc.ssl_channel_credentials(authority)) as channel:
                call = channel.stream_stream("/hereditary_kg.Grid/Connect")(iter([b"hello"]))
                with pytest.raises(grpc.RpcError) as refused:
                    next(call)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            with pytest.raises(CertificateError, match="Give the site its certificate and key"):
                diagnose(address, None, authority, 10)

    def test_an_expired_certificate(self, federation: Federation) -> None:
        old = federation.authority.issue_site("clinic", days=-1)
        with federation.serve(federation.manifest()) as grid:
            worker = federation.worker(grid.port, "clinic", identity=old)
            error = self.failure(federation, SiteThread(worker))
        assert isinstance(error, CertificateError)
        assert "This site: the certificate expired on" in str(error)

    def test_another_version(self, federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
        with federation.serve(federation.manifest()) as grid:
            worker = federation.worker(grid.port, "clinic")
            monkeypatch.setattr(
                site_stream, "hereditary_kg", type("Other", (), {"__version__": "9.9.9"})
            )
            error = self.failure(federation, SiteThread(worker))
            with pytest.raises(UnreachableError, match=r"clinic: Site clinic has other versions"):
                grid.wait_for_sites(1, 0.1)
        assert isinstance(error, VersionError)
        assert "hereditary-kg 9.9.9 there and" in str(error)
        assert "Install the same versions on all sides" in str(error)

    def test_a_run_that_the_policy_does_not_admit(self, federation: Federation) -> None:
        policy = LearningPolicy(
            required={"privacy.secure-aggregation": True},
            minimum={"minimum-sites": 3},
            maximum={"privacy.epsilon": 8.0},
        )
        with federation.serve(federation.manifest()) as grid:
            thread = SiteThread(federation.worker(grid.port, "clinic", policy=policy))
            error = self.failure(federation, thread)
            with pytest.raises(UnreachableError, match="clinic: The policy of site clinic"):
                grid.wait_for_sites(1, 0.1)
        assert isinstance(error, PolicyError)
        assert "privacy.secure-aggregation must be True, but it is False" in str(error)
        assert "minimum-sites must be at least 3, but it is 2" in str(error)
        assert "privacy.epsilon must be at most 8, but the run does not say" in str(error)

    def test_a_manifest_that_another_site_signed(self, federation: Federation) -> None:
        signed = federation.manifest().sign(federation.identities["registry"])
        server = federation.server
        with GrpcGrid("127.0.0.1:0", server, federation.allow_list, signed, LIMITS) as grid:
            error = self.failure(federation, SiteThread(federation.worker(grid.port, "clinic")))
        assert isinstance(error, CertificateError)
        assert "not for server authentication" in str(error)

    def test_a_manifest_that_was_changed(self, federation: Federation) -> None:
        signed = federation.manifest().sign(federation.server)
        changed = type(signed)(
            signed.text.replace('"rounds": 3', '"rounds": 9'), signed.signature, signed.certificate
        )
        server = federation.server
        with GrpcGrid("127.0.0.1:0", server, federation.allow_list, changed, LIMITS) as grid:
            error = self.failure(federation, SiteThread(federation.worker(grid.port, "clinic")))
        assert isinstance(error, ManifestError)
        assert "not what its server signed" in str(error)

    def test_a_run_that_was_finished(self, federation: Federation) -> None:
        manifest = federation.manifest()
        with federation.serve(manifest) as grid:
            thread = SiteThread(federation.worker(grid.port, "clinic"), runs=1)
            grid.wait_for_sites(1, 60)
        thread.join()
        with federation.serve(manifest) as grid:
            error = self.failure(federation, SiteThread(federation.worker(grid.port, "clinic")))
        assert isinstance(error, ManifestError)
        assert "finished at this site" in str(error)

    def test_a_second_worker_of_a_site_replaces_the_first(self, federation: Federation) -> None:
        with federation.serve(federation.manifest()) as grid:
            first = SiteThread(federation.worker(grid.port, "clinic"))
            grid.wait_for_sites(1, 60)
            second = SiteThread(federation.worker(grid.port, "clinic"))
            error = self.failure(federation, first)
            second.stop()
        assert isinstance(error, RefusedError)
        assert "Another worker of site clinic has connected" in str(error)

    def test_nobody_there(self, federation: Federation) -> None:
        with federation.serve(federation.manifest()) as grid:
            port = grid.port
        worker = federation.worker(port, "clinic")
        worker._patience = 0.3
        error = self.failure(federation, SiteThread(worker))
        assert isinstance(error, UnreachableError)
        assert "cannot be reached" in str(error)

    def test_a_port_that_is_taken(self, federation: Federation) -> None:
        with (
            federation.serve(federation.manifest()) as grid,
            pytest.raises(UnreachableError, match="Is the port taken"),
        ):
            federation.serve(federation.manifest(), f"127.0.0.1:{grid.port}")


class TestLimits:
    def test_a_reply_that_is_too_large_is_an_error_reply(self, federation: Federation) -> None:
        app = ClientApp()

        @app.train()
        def large(message: Message, context: Context) -> Message:
            return Message(RecordDict({"a": ArrayRecord([np.zeros(20_000)])}), reply_to=message)

        limits = Limits(message_bytes=100_000, first_pause=0.05)
        with federation.serve(federation.manifest(), limits=limits) as grid:
            worker = federation.worker(grid.port, "clinic", app, limits=limits)
            with site_threads([worker]):
                grid.wait_for_sites(1, 60)
                (reply,) = grid.send_and_receive(ask(grid), timeout=60)
                (node,) = grid.get_node_ids()
                records = RecordDict({"a": ArrayRecord([np.zeros(20_000)])})
                with pytest.raises(GridError, match="the limit is 100,000"):
                    grid.send_and_receive([Message(records, node, "train")])
        assert "the limit is 100,000. Raise message-bytes" in reply.error.reason

    def test_large_messages_travel_whole(self, federation: Federation) -> None:
        app = ClientApp()

        @app.train()
        def echo(message: Message, context: Context) -> Message:
            return Message(message.content, reply_to=message)

        values = np.random.default_rng(5).normal(size=(14_541, 256)).astype(np.float32)
        with (
            federation.serve(federation.manifest()) as grid,
            site_threads([federation.worker(grid.port, "clinic", app)]),
        ):
            grid.wait_for_sites(1, 60)
            (node,) = grid.get_node_ids()
            message = Message(RecordDict({"a": ArrayRecord([values])}), node, "train")
            (reply,) = grid.send_and_receive([message])
        np.testing.assert_array_equal(reply.content["a"].to_numpy_ndarrays()[0], values)

    def test_a_site_that_takes_too_long_is_answered_for(self, federation: Federation) -> None:
        go = threading.Event()
        app = ClientApp()

        @app.train()
        def wait(message: Message, context: Context) -> Message:
            if message.content["asked"]["text"] == "wait":
                go.wait(60)
            return Message(RecordDict(), reply_to=message)

        with (
            federation.serve(federation.manifest()) as grid,
            site_threads([federation.worker(grid.port, "clinic", app)]),
        ):
            grid.wait_for_sites(1, 60)
            (late,) = grid.send_and_receive(ask(grid, "wait"), timeout=0.3)
            go.set()
            (after,) = grid.send_and_receive(ask(grid), timeout=60)
        assert late.error.code == NODE_UNAVAILABLE
        assert "site clinic: no answer within 0.3 seconds" in late.error.reason
        assert after.has_content()

    def test_replies_are_pulled_when_they_are_there(self, federation: Federation) -> None:
        with (
            federation.serve(federation.manifest()) as grid,
            site_threads([federation.worker(grid.port, "clinic")]),
        ):
            grid.wait_for_sites(1, 60)
            message_ids = list(grid.push_messages(ask(grid)))
            replies: list[Message] = []
            while not replies:
                replies = list(grid.pull_messages(message_ids))
        assert replies[0].metadata.reply_to_message_id == message_ids[0]

    def test_a_failure_does_not_say_what_it_must_not(self, federation: Federation) -> None:
        with (
            federation.serve(federation.manifest()) as grid,
            site_threads([federation.worker(grid.port, "clinic")]),
        ):
            grid.wait_for_sites(1, 60)
            (node,) = grid.get_node_ids()
            (reply,) = grid.send_and_receive([Message(RecordDict(), node, "query")])
        assert "ValueError" in reply.error.reason
        assert "4711" not in reply.error.reason


class TestResuming:
    def test_a_broken_stream_loses_and_repeats_nothing(self, federation: Federation) -> None:
        """The stream breaks while the site works; its work is done once, and its reply comes."""
        begun, go = threading.Event(), threading.Event()
        done: list[str] = []
        app = ClientApp()

        @app.train()
        def work(message: Message, context: Context) -> Message:
            begun.set()
            go.wait(60)
            done.append(str(message.content["asked"]["text"]))
            return Message(RecordDict(), reply_to=message)

        with federation.serve(federation.manifest()) as grid:
            worker = federation.worker(grid.port, "clinic", app)
            with site_threads([worker]):
                grid.wait_for_sites(1, 60)
                message_ids = [
                    *grid.push_messages(ask(grid, "first")),
                    *grid.push_messages(ask(grid, "second")),
                ]
                assert begun.wait(60)
                assert worker._stream is not None
                worker._stream.close()
                go.set()
                replies = grid._exchange.wait(message_ids)
        assert [reply.has_content() for reply in replies] == [True, True]
        assert done == ["first", "second"]

    def test_a_server_that_comes_back_goes_on(self, federation: Federation) -> None:
        counts = ClientApp()

        @counts.train()
        def count(message: Message, context: Context) -> Message:
            number = context.state["n"]["n"] + 1 if "n" in context.state else 1
            context.state["n"] = MetricRecord({"n": number})
            return Message(RecordDict({"n": MetricRecord({"n": number})}), reply_to=message)

        manifest = federation.manifest()
        first = federation.serve(manifest)
        port = first.port
        with site_threads([federation.worker(port, "clinic", counts)]):
            first.wait_for_sites(1, 60)
            list(first.send_and_receive(ask(first)))
            first.close(finished=False)
            with federation.serve(manifest, f"127.0.0.1:{port}") as second:
                early = list(second.push_messages([Message(RecordDict(), clinic(), "train")]))
                second.wait_for_sites(1, 60)
                (reply,) = second._exchange.wait(early)
        assert reply.content["n"]["n"] == 2

    def test_a_site_goes_on_from_its_journal(self, federation: Federation) -> None:
        with federation.serve(federation.manifest()) as grid:
            for expected in (1, 2):
                with site_threads([federation.worker(grid.port, "clinic")], runs=None):
                    grid.wait_for_sites(1, 60)
                    (reply,) = grid.send_and_receive(
                        [
                            Message(
                                RecordDict({"values": ArrayRecord([np.zeros(2)])}),
                                clinic(),
                                "train",
                                group_id="1",
                            )
                        ]
                    )
                    assert reply.content["counts"]["rounds"] == expected

    def test_a_run_of_the_same_number_with_another_manifest_is_refused(
        self, federation: Federation
    ) -> None:
        first = federation.serve(federation.manifest())
        port = first.port
        thread = SiteThread(federation.worker(port, "clinic"))
        first.wait_for_sites(1, 60)
        first.close(finished=False)
        thread.stop()
        with federation.serve(federation.manifest(rounds=4), f"127.0.0.1:{port}"):
            again = SiteThread(federation.worker(port, "clinic"))
            again.join()
        assert isinstance(again.failure, ManifestError)
        assert "another manifest" in str(again.failure)


def clinic() -> int:
    return node_of_site("clinic")
