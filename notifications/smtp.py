"""The conversation with the mail server, as patient as RFC 5321 (4.5.3.2) asks."""

import re
from contextlib import suppress
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.message import sanitize_address

# The longest a server may take from DATA to its answer to the message: the command, the transfer, the answer.
LONGEST_HAND_OVER = timedelta(seconds=2 * settings.EMAIL_COMMAND_TIMEOUT + settings.EMAIL_MESSAGE_TIMEOUT)


class Refused(Exception):
    """The server's negative answer; `final` when it is about this mail and will not change."""

    def __init__(self, code, words, *, about_mail=True):
        super().__init__(f"{code} {words!r}")
        self.final = about_mail and code >= 500


class MailServer:
    """A connection to the mail server of the settings, opened when needed and again after it was lost."""

    def __init__(self):
        self._backend = get_connection()

    def connect(self):
        """Be connected and introduced. Raises OSError, as every SMTPException is, when the server is away."""
        if self._backend.open():
            self._backend.connection.ehlo_or_helo_if_needed()

    def hand_over(self, recipient, message, *, before_data):
        """Give the server one mail, RFC 5322 bytes with CRLF, and return once it has answered for it.

        `before_data` is called at the point of no return: after it the server may take the mail without our
        hearing of it. Raises Refused, or OSError when the server hangs up or does not answer in time.
        """
        smtp = self._backend.connection
        sender, recipient = parseaddr(settings.DEFAULT_FROM_EMAIL)[1], sanitize_address(recipient, "utf-8")
        smtp.sock.settimeout(settings.EMAIL_COMMAND_TIMEOUT)
        # Whoever may not send at all hears so here: it says nothing of this mail.
        _accepted(smtp.mail(sender, [f"size={len(message)}"] if smtp.has_extn("size") else []), about_mail=False)
        _accepted(smtp.rcpt(recipient))
        before_data()
        _accepted(smtp.docmd("DATA"), positive=354)
        smtp.send(_dot_stuffed(message))
        smtp.sock.settimeout(settings.EMAIL_MESSAGE_TIMEOUT)
        _accepted(smtp.getreply())

    def hang_up(self):
        """End the connection, politely if the server still listens."""
        smtp = self._backend.connection
        if smtp is not None and smtp.sock is not None:
            smtp.sock.settimeout(settings.EMAIL_TIMEOUT)
        with suppress(OSError):
            self._backend.close()


def _accepted(answer, *, positive=250, about_mail=True):
    code, words = answer
    # 251: « user not local; will forward ».
    if code not in (positive, 251):
        raise Refused(code, words, about_mail=about_mail)


def _dot_stuffed(message):
    """A message as DATA takes it: a dot more on lines that begin with one, a lone dot at the end."""
    ended = message if message.endswith(b"\r\n") else message + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"
