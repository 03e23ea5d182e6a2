"""What the middlewares write on answers."""

from django.http import HttpResponse, HttpResponseRedirect

from plumbing.middleware import BackButtonMiddleware


def sent(rf, answer, method="POST"):
    answer["Cache-Control"], answer["Vary"] = "no-store", "Cookie"
    told = BackButtonMiddleware(lambda request: answer)(rf.generic(method, "/"))
    return told["Cache-Control"], told.get("Vary")


def test_only_a_page_that_answers_a_form_may_be_shown_again(rf):
    page = HttpResponse
    assert sent(rf, page("<p>Une erreur")) == ("private, no-cache", None)
    for answer, method in [
        (page("<p>Une page"), "GET"),
        (HttpResponseRedirect("/"), "POST"),
        (page("a;b", content_type="text/csv"), "POST"),
    ]:
        assert sent(rf, answer, method) == ("no-store", "Cookie")
