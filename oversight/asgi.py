"""The ASGI application: pages and static files, live sockets, and the life of the process."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oversight.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

pages = get_asgi_application()

# Everything below needs the applications that the line above has loaded.
from oversight.consumers import routes
from oversight.lifespan import lifespan
from oversight.static import with_static

application = ProtocolTypeRouter(
    {"http": with_static(pages), "websocket": routes, "lifespan": lifespan}
)
