"""Makes an undefined variable in one of our templates an error, and leaves other people's alone."""

import sys

from django.conf import settings
from django.template.base import Node

OURS = str(settings.BASE_DIR / "templates")


class Undefined(str):
    """Django's `string_if_invalid`: empty, until one of our templates asks for its text.

    Django calls `%` with the variable's name only if the string holds « %s ».
    """

    def __new__(cls):
        return super().__new__(cls, "")

    def __contains__(self, text):
        return text == "%s" or super().__contains__(text)

    def __mod__(self, variable):
        origin = rendering_template()
        if origin.startswith(OURS):
            raise AssertionError(f"{origin} uses « {variable} », which is not defined")
        return ""


def rendering_template():
    """The file of the template node being rendered, innermost first."""
    frame = sys._getframe()
    while frame := frame.f_back:
        node = frame.f_locals.get("self")
        if frame.f_code.co_name == "render_annotated" and isinstance(node, Node):
            return node.origin.name if node.origin else ""
    return ""
