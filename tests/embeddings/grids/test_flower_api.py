"""What the grids take from Flower that is not public must be there in the pinned version."""

import flwr
from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from hereditary_kg.embeddings.grids.flower_api import (
    APP_FAILED,
    NODE_UNAVAILABLE,
    SERVER_NODE,
    NodeInfo,
    describe_run,
    enter_run,
    make_message,
    new_message,
)
from hereditary_kg.embeddings.grids.grpc_grid import GrpcGrid
from hereditary_kg.embeddings.grids.in_process import InProcessGrid
from hereditary_kg.embeddings.grids.messages import new_metadata


def test_the_version_is_the_one_that_is_pinned() -> None:
    assert flwr.__version__ == "1.42.0"


def test_a_message_can_be_given_its_metadata() -> None:
    metadata = new_metadata(7, "m-1", 42, group_id="3", message_type="train")
    message = make_message(metadata, RecordDict())
    assert (message.metadata.message_id, message.metadata.run_id) == ("m-1", 7)
    reply = Message(RecordDict(), reply_to=message)
    assert reply.metadata.reply_to_message_id == "m-1"
    assert reply.metadata.dst_node_id == SERVER_NODE


def test_a_server_application_can_make_messages_once_a_run_is_entered() -> None:
    enter_run(9)
    message = new_message(RecordDict(), 42, "train", "1", None)
    assert (message.metadata.run_id, message.metadata.src_node_id) == (9, SERVER_NODE)


def test_runs_nodes_and_codes_are_what_flower_calls_them() -> None:
    assert describe_run(9).run_id == 9
    assert NodeInfo(node_id=2**63 - 1, name="clinic").name == "clinic"
    assert (APP_FAILED, NODE_UNAVAILABLE) == (2, 5)


def test_both_grids_are_whole() -> None:
    for grid in (InProcessGrid, GrpcGrid):
        assert issubclass(grid, Grid)
        assert not grid.__abstractmethods__
