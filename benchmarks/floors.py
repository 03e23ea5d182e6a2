from django.http import HttpResponse


class BareFloor:
    """Placed first: what gunicorn and Django cost before any of our code."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return HttpResponse("ok") if request.path == "/floor/bare/" else self.get_response(request)


class SessionFloor:
    """Placed last: every middleware passed, session and user loaded, nothing else."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path == "/floor/session/":
            return HttpResponse(f"ok {request.user.pk}")
        return self.get_response(request)
