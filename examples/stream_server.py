"""A server that forecasts many series at once: each connection is a stream of one model.

    python3 examples/stream_server.py            # serves and feeds itself for a moment
    python3 examples/stream_server.py --port 8765 --serve

A client sends a step as one line of numbers and gets one line of numbers back, whenever it has
data. The server collects what has arrived since its last tick and runs it as one batch.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import numpy as np

import rnnext


class StreamServer:
    """Serves a model's streams over TCP.

    Args:
        model: A model that can be streamed, with one input and one output.
    """

    def __init__(self, model: rnnext.Model) -> None:
        self.pool = rnnext.StreamPool(model)
        self.ticks = 0
        self._waiting: dict[rnnext.PooledStream, tuple[np.ndarray, asyncio.Future]] = {}
        self._has_data = asyncio.Event()

    async def serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answers the lines of one client until it closes the connection."""
        stream = self.pool.join()
        try:
            while line := await reader.readline():
                answer = await self._answer(stream, np.array(line.split(), "float32"))
                writer.write(" ".join(f"{y:.6g}" for y in answer).encode() + b"\n")
                await writer.drain()
        finally:
            self.pool.leave(stream)
            writer.close()

    async def _answer(self, stream: rnnext.PooledStream, x: np.ndarray) -> np.ndarray:
        answer = asyncio.get_running_loop().create_future()
        self._waiting[stream] = x, answer
        self._has_data.set()
        return await answer

    async def tick_forever(self) -> None:
        """Runs whatever waits, one batch a tick."""
        while True:
            await self._has_data.wait()
            self._has_data.clear()
            waiting, self._waiting = self._waiting, {}
            answers = self.pool.step({stream: x for stream, (x, _) in waiting.items()})
            for stream, (_, future) in waiting.items():
                future.set_result(answers[stream])
            self.ticks += 1
            await asyncio.sleep(0)  # lets connections read what has come meanwhile


async def feed(port: int, steps: int, features: int, seed: int) -> list[str]:
    """A client: sends some steps, one after the other, and returns the answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    rng, answers = np.random.default_rng(seed), []
    for _ in range(steps):
        step = rng.standard_normal(features)
        writer.write(" ".join(map(repr, step.tolist())).encode() + b"\n")
        answers.append((await reader.readline()).decode().strip())
    writer.close()
    await writer.wait_closed()
    return answers


async def run(model: rnnext.Model, port: int, clients: int, steps: int, serve: bool) -> None:
    """Serves, and unless it is to go on, feeds the server from clients of its own."""
    server = StreamServer(model)
    ticking = asyncio.create_task(server.tick_forever())
    async with await asyncio.start_server(server.serve_connection, "127.0.0.1", port) as sockets:
        port = sockets.sockets[0].getsockname()[1]
        print(f"serving on 127.0.0.1:{port}")
        if serve:
            await sockets.serve_forever()
        begin, features = time.perf_counter(), model.input_shape[-1]
        feeds = [feed(port, steps, features, seed) for seed in range(clients)]
        answers = await asyncio.gather(*feeds)
        seconds = time.perf_counter() - begin
        count = sum(map(len, answers))
        print(f"{count} answers to {clients} clients in {server.ticks} ticks, {seconds:.2f} s")
        check(model, answers)
    ticking.cancel()


def check(model: rnnext.Model, answers: list[list[str]]) -> None:
    """Compares what each client received with a prediction of the steps that it sent."""
    for seed, received in enumerate(answers):
        rng = np.random.default_rng(seed)
        x = np.stack([rng.standard_normal(model.input_shape[-1]) for _ in received])
        expected = model.predict(x[None].astype("float32"))[0]
        if received[-1] != " ".join(f"{y:.6g}" for y in expected):
            raise SystemExit(f"client {seed}: received {received[-1]}, predict gives {expected}")
    print("every client's last answer is what predict() gives for its sequence")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", help="a model file; default: a small one with random weights")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--serve", action="store_true", help="serve until Ctrl-C")
    arguments = parser.parse_args()
    if arguments.model:
        model = rnnext.load_model(arguments.model)
    else:
        layers = rnnext.layers
        model = rnnext.Sequential([layers.Input((None, 4)), layers.LSTM(32), layers.Dense(2)])
    try:
        asyncio.run(run(model, arguments.port, arguments.clients, arguments.steps, arguments.serve))
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()
