"""python -m tests.endpoint --port 0 [--script FILE.json] [--log FILE.jsonl]"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from tests.endpoint.log import Log
from tests.endpoint.server import Server


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.endpoint", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path)
    parser.add_argument("--log", type=Path, help="an existing one is continued, script and all")
    parser.add_argument("--window", type=int, default=200_000, help="max_input_tokens")
    parser.add_argument("--cache-minimum", type=int, default=0, help="shortest cached prefix")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when stdin closes")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.watch_stdin:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    script = json.loads(options.script.read_text("utf-8")) if options.script else []
    log = Log(options.log)
    server = Server(script, log, options.window, options.cache_minimum)
    listener = await asyncio.start_server(
        server.connected, "127.0.0.1", options.port, limit=1024 * 1024, backlog=1024
    )
    port = listener.sockets[0].getsockname()[1]
    sys.stdout.write(f"listening on http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await stop.wait()
    listener.close()
    await server.close()
    log.close()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
