"""A receiver in a process of its own: python -m tests.agents.alerts.receiver PORT FILE STATUS

Writes every request as one JSON line, durably, before it answers.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def handler(file: Path, status: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            line = json.dumps({"path": self.path, "headers": headers, "body": body}) + "\n"
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
            os.close(descriptor)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", self.path + "elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main(port: int, file: Path, status: int) -> None:
    ThreadingHTTPServer(("127.0.0.1", port), handler(file, status)).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
