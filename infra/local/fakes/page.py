"""The fakes' pages: plain HTML and forms, no JavaScript."""

from html import escape

from starlette.responses import HTMLResponse

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.3rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.message { background: #eef4fb; border-radius: .6rem; padding: .5rem .8rem; margin: .4rem 0; white-space: pre-wrap }
.from { background: #e6f6e6; margin-left: 4rem } .quiet { color: #777; font-size: .85rem }
form { display: inline } button, input { font: inherit; padding: .3rem .7rem; margin: .15rem .15rem .15rem 0 }
"""


def page(title: str, *parts: str) -> HTMLResponse:
    """Build a page from a title and parts of HTML."""
    return HTMLResponse(
        f'<!doctype html><html lang="ru"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(parts)}</html>"
    )


def button(label: str, action: str, **fields: object) -> str:
    """Build a button that posts `fields` to `action`, a path relative to the page."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(str(value))}">' for name, value in fields.items()
    )
    return f'<form method="post" action="{escape(action)}">{hidden}<button>{escape(label)}</button></form>'
