from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousMultipartForm
from django.core.files.uploadhandler import FileUploadHandler
from django.shortcuts import render


class NoNulMiddleware:
    """Refuses a NUL in a path, a query or a cookie: no page needs one, and PostgreSQL stores none. Refuses also any
    encoding but ours: Django would read the request by whatever codec of Python's its sender names.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.content_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            request.encoding = "utf-8"
            raise BadRequest
        read = (request.path, *request.GET, *request.GET.dict().values(), *request.COOKIES.values())
        if any("\x00" in text for text in read):
            raise BadRequest
        return self.get_response(request)


class BackButtonMiddleware:
    """Lets the browser show the page that answered a form again, when somebody comes back to it.

    It cannot be asked for a second time without sending the form again: were it not stored, or stored for one
    value of the cookies only, « page précédente » would show the browser's own error (ERR_CACHE_MISS).
    Stands before all that writes these headers.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html") and "Location" not in response
        if request.method == "POST" and is_page:
            response["Cache-Control"] = "private, no-cache"
            for header in ("Expires", "Vary"):
                response.headers.pop(header, None)
        return response


class UploadLimitMiddleware:
    """Refuses what is too large before any of it is read, and files wherever no page takes them.

    Django writes the files of a request to disk as soon as anything asks for its POST data, which the CSRF
    check does: this comes before it. A body without a length (chunked) is refused too.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        upload = settings.STAFF_UPLOADS.get(request.resolver_match.view_name)
        takes_files = upload is not None and request.user.is_staff
        largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + (upload if takes_files else 0)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if "HTTP_TRANSFER_ENCODING" in request.META or not length.isdecimal() or int(length) > largest:
            return render(request, "413.html", status=413)
        if not takes_files:
            request.upload_handlers = [NoFiles(request)]
        return None


class NoFiles(FileUploadHandler):
    """Refuses a request (400) as soon as it turns out to hold a file."""

    def new_file(self, *args, **kwargs):
        raise SuspiciousMultipartForm("This page takes no file.")

    def receive_data_chunk(self, raw_data, start):
        return None

    def file_complete(self, file_size):
        return None
