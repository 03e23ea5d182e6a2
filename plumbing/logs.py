import logging
import re

TOKENS = re.compile(r"/(activation|mot-de-passe|contact|adresse|adresse-precedente)/[^/\s]+")


class HideTokens(logging.Filter):
    """Keeps the links that open accounts out of the logs."""

    def filter(self, record):
        message = record.getMessage()
        hidden = TOKENS.sub(r"/\1/…", message)
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True
