"""The editors' room: the routes of all its pages."""

from starlette.routing import BaseRoute

from newsletter.web import editor_desk, editor_sign_in

routes: list[BaseRoute] = [*editor_sign_in.routes, *editor_desk.routes]
