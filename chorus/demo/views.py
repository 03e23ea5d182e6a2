"""The demo's mailbox: every mail of the portal, open to all. Its routes exist only in the demo."""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp, csp_update
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from notifications.models import OutgoingMail

MAILS_A_PAGE = 50


@login_not_required
@require_safe
def mailbox(request):
    """Mails newest first, all or those to one recipient."""
    recipient = request.GET.get("a", "").strip()
    mails = OutgoingMail.objects.defer("message")
    if recipient:
        mails = mails.filter(to__icontains=recipient)
    page = Paginator(mails, MAILS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "demo/mailbox.html", {"page": page, "recipient": recipient})


@login_not_required
@require_safe
@csp_update({"frame-src": [SELF]})
def mail(request, pk):
    """One mail as its recipient gets it: the HTML part in a frame, then the text part."""
    mail = get_object_or_404(OutgoingMail, pk=pk)
    text, html = mail.parts()
    return render(request, "demo/mail.html", {"mail": mail, "text": text, "html": html})


@login_not_required
@require_safe
@xframe_options_sameorigin
@csp(
    {
        "default-src": [NONE],
        # Mails carry their style in attributes: mail readers drop the rest.
        "style-src": [UNSAFE_INLINE],
        "form-action": [NONE],
        "frame-ancestors": [SELF],
    }
)
def mail_html(request, pk):
    """The HTML part alone, for the frame; its links open in the whole window."""
    _text, html = get_object_or_404(OutgoingMail, pk=pk).parts()
    return HttpResponse(html.replace("<head>", '<head><base target="_top">', 1))
