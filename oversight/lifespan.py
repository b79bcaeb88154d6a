"""The engine under an ASGI server that is not ours (uvicorn, granian): started and drained with it.

``OVERSIGHT_ROLE=up`` runs sessions in the server's process; without it only pages are served.
"""

from __future__ import annotations

import os
from typing import Any

from agents.management.engine import Engine


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    engine = Engine(drives=os.environ.get("OVERSIGHT_ROLE") == "up")
    await receive()
    await engine.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await engine.drain()
    await engine.close()
    await send({"type": "lifespan.shutdown.complete"})
