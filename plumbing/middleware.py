from django.core.exceptions import BadRequest


class NoNulMiddleware:
    """Refuses a NUL in a path, a query or a cookie: no page needs one, and PostgreSQL stores none."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        read = (request.path, *request.GET, *request.GET.dict().values(), *request.COOKIES.values())
        if any("\x00" in text for text in read):
            raise BadRequest
        return self.get_response(request)
