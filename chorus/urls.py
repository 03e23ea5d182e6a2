from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import include, path

from accounts.admin import AccessAttemptAdmin
from chorus import pages

handler400 = "chorus.pages.bad_request"
handler403 = "chorus.pages.forbidden"
handler404 = "chorus.pages.not_found"
handler500 = "chorus.pages.broken"

# Rights come from roles in structures, never from groups.
admin.site.unregister(Group)
# Its own pages answer hostile queries with 500; the one table in use is in accounts/admin.py.
for model in (AccessAttempt, AccessFailureLog, AccessLog):
    admin.site.unregister(model)
admin.site.register(AccessAttempt, AccessAttemptAdmin)

urlpatterns = [
    path("", pages.home, name="home"),
    path("organisation/", pages.organisation, name="organisation"),
    path("mon-compte/", pages.account, name="account"),
    path("mon-compte/mes-donnees/", pages.own_data, name="own_data"),
    path("mon-compte/mes-donnees/telecharger/", pages.download_own_data, name="download_own_data"),
    path("conditions/", pages.terms, name="terms"),
    path("donnees-personnelles/", pages.privacy, name="privacy"),
    path("aide/", pages.help_page, name="help"),
    path("accessibilite/", pages.accessibility, name="accessibility"),
    path("mentions-legales/", pages.legal_notice, name="legal_notice"),
    path("favicon.ico", pages.favicon, name="favicon"),
    path("sante/", pages.health, name="health"),
    path("", include("support.urls")),
    path("", include("registration.urls")),
    path("", include("spaces.urls")),
    path("", include("attachments.urls")),
    path("", include("structures.urls")),
    path("", include("documents.urls")),
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
]
if settings.DEMO:
    urlpatterns.append(path("demo/", include("chorus.demo.urls")))
