from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, SuspiciousMultipartForm
from django.core.files.uploadhandler import FileUploadHandler, MemoryFileUploadHandler, SkipFile
from django.http import HttpResponseNotAllowed
from django.shortcuts import render

from plumbing.text import bytes_in_words


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


class OtherMethodMiddleware:
    """Says in a page, where Django sends an empty answer, that an address is not made to be opened (405)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page


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
        page = request.resolver_match.view_name
        ended = page in settings.USER_UPLOADS and request.method == "POST" and not request.user.is_authenticated
        if ended and not _is_short(request):
            # The session ended while a file was chosen. Nothing of it is read, so nothing can be kept.
            return redirect_to_login(request.get_full_path())
        upload = _upload_taken(page, request.user)
        largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + upload
        length = request.META.get("CONTENT_LENGTH") or "0"
        if "HTTP_TRANSFER_ENCODING" in request.META or not length.isdecimal() or int(length) > largest:
            return render(request, "413.html", {"upload": bytes_in_words(upload) if upload else ""}, status=413)
        if ended:
            # What was typed is kept (accounts/kept.py).
            request.upload_handlers = [WithoutFiles(request)]
        elif not upload:
            request.upload_handlers = [NoFiles(request)]
        elif page in settings.USER_UPLOADS:
            request.upload_handlers = [InMemory(request)]
        return None


def _is_short(request):
    """Whether the body is no longer than that of a form without files."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    is_known = "HTTP_TRANSFER_ENCODING" not in request.META and length.isdecimal()
    return is_known and int(length) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def _upload_taken(page, user):
    """How many bytes of files the page of this URL name takes from `user`."""
    if user.is_staff and page in settings.STAFF_UPLOADS:
        return settings.STAFF_UPLOADS[page]
    return settings.USER_UPLOADS.get(page, 0) if user.is_authenticated else 0


class InMemory(MemoryFileUploadHandler):
    """Keeps what a page takes from anybody off the disk: a process that is killed leaves nothing of it there.

    The middleware has bounded the whole request before.
    """

    def handle_raw_input(self, *args, **kwargs):
        self.activated = True


class NoFiles(FileUploadHandler):
    """Refuses a request (400) as soon as it turns out to hold a file."""

    def new_file(self, *args, **kwargs):
        raise SuspiciousMultipartForm("This page takes no file.")

    def receive_data_chunk(self, raw_data, start):
        return None

    def file_complete(self, file_size):
        return None


class WithoutFiles(NoFiles):
    """Leaves the files out, and reads the rest."""

    def new_file(self, *args, **kwargs):
        raise SkipFile
