"""The words that a reader agrees to, and the forms that show them.

The words are made here and nowhere else: pages print them, the evidence keeps them, so that both are always the same.
"""

FORMS = ("landing", "sign-up page", "public page", "embedded form")


def words(title: str) -> str:
    """What stands above the button of every sign-up form."""
    return (
        f"Yes, send me {title} by e-mail once a week. I can leave with one click in every issue, "
        "and my address is used for nothing else."
    )


def form_named(name: str) -> str:
    """The form that a request says it came through; the landing page for any name that is none of ours."""
    return name if name in FORMS else FORMS[0]
