"""A server application that sums the sites' arrays, and the client application that has them.

They import Flower's public packages alone, and run on every grid.
"""

import ctypes
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from hereditary_kg.embeddings.grids.flower_site import GuardedClientApp

__all__ = ["client", "guarded_client", "server"]

client = ClientApp()
guarded_client = GuardedClientApp(client)
server = ServerApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    """Add the site's number to each element; count the rounds in the state."""
    settings = context.node_config
    count = context.state["count"]["rounds"] if "count" in context.state else 0
    context.state["count"] = MetricRecord({"rounds": count + 1})
    if (log := settings.get("work-log")) is not None:
        with Path(str(log)).open("a") as file:
            file.write(f"{settings['site']} {message.metadata.group_id}\n")
    if settings.get("kill-in-round") == message.metadata.group_id:
        marker = Path(str(settings["kill-marker"]))
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if hold := settings.get("hold"):
        ctypes.PyDLL(None).sleep(int(hold))
    values = message.content["values"].to_numpy_ndarrays()[0]
    rng = np.random.default_rng(int(settings["number"]) + int(message.metadata.group_id))
    answer = values * 0.5 + rng.normal(size=values.shape)
    return Message(
        RecordDict(
            {
                "values": ArrayRecord([answer]),
                "counts": MetricRecord({"rounds": count + 1, "number": int(settings["number"])}),
                "site": ConfigRecord({"name": str(settings["site"])}),
                "privacy": MetricRecord({"epsilon": 0.5 * (count + 1), "delta": 1e-5}),
            }
        ),
        reply_to=message,
    )


@client.query()
def fail(message: Message, context: Context) -> Message:
    """Fail with a text that must not leave."""
    raise ValueError(f"Patient 4711 of {context.node_config['site']}")


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Sum over all sites, as many rounds as the run says; leave the result in the state."""
    wanted = int(context.run_config["sites"])
    while len(list(grid.get_node_ids())) < wanted:
        time.sleep(0.05)
    settings = {key.removeprefix("training."): value for key, value in context.run_config.items()}
    total = np.zeros(int(settings["size"]))
    missing: list[str] = []
    counts: list[int] = []
    times: list[float] = []
    for number in range(1, int(settings["rounds"]) + 1):
        started = time.perf_counter()
        messages = [
            Message(
                RecordDict({"values": ArrayRecord([total])}), node, "train", group_id=str(number)
            )
            for node in grid.get_node_ids()
        ]
        replies = list(grid.send_and_receive(messages, timeout=float(settings["timeout"])))
        times.append(time.perf_counter() - started)
        missing += [f"{number}: {reply.error.reason}" for reply in replies if reply.has_error()]
        done = sorted(
            (reply for reply in replies if reply.has_content()),
            key=lambda reply: str(reply.content["site"]["name"]),
        )
        counts = [int(reply.content["counts"]["rounds"]) for reply in done]
        total = np.sum([reply.content["values"].to_numpy_ndarrays()[0] for reply in done], axis=0)
    context.state["result"] = ArrayRecord([total])
    context.state["report"] = ConfigRecord({"missing": missing, "counts": counts})
    if (out := settings.get("out")) is not None:
        result = {"sum": total.tolist(), "missing": missing, "counts": counts, "times": times}
        Path(str(out)).with_suffix(".part").write_text(json.dumps(result))
        Path(str(out)).with_suffix(".part").rename(str(out))
