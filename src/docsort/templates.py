"""The HTML templates of a room: text is escaped, and a name that is not given is an error."""

import base64
from collections.abc import Callable

import jinja2
from markupsafe import Markup


def load_template(room: str, name: str, **filters: Callable[..., str]) -> jinja2.Template:
    """A template that lies in the package `docsort.<room>`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("docsort", room),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment.get_template(name)


def jpeg_url(picture: bytes) -> Markup:
    """A JPEG as a data URL."""
    return Markup("data:image/jpeg;base64,") + Markup(base64.b64encode(picture).decode())
