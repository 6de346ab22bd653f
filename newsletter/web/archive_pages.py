"""To be filled by its room."""

from starlette.routing import BaseRoute

routes: list[BaseRoute] = []
