"""The editors' room: the routes of all its pages."""

from starlette.routing import BaseRoute

from newsletter.web import (
    editor_arranging,
    editor_desk,
    editor_difference,
    editor_issue,
    editor_people,
    editor_preview,
    editor_queue,
    editor_receipt,
    editor_rules,
    editor_sending,
    editor_sign_in,
    editor_takes,
    editor_tools,
)

routes: list[BaseRoute] = [
    *editor_sign_in.routes,
    *editor_desk.routes,
    *editor_queue.routes,
    *editor_rules.routes,
    *editor_people.routes,
    *editor_takes.routes,
    *editor_tools.routes,
    *editor_issue.routes,
    *editor_arranging.routes,
    *editor_preview.routes,
    *editor_difference.routes,
    *editor_sending.routes,
    *editor_receipt.routes,
]
