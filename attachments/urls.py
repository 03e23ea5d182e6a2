from django.urls import path

from attachments import views

app_name = "attachments"
urlpatterns = [
    path("demandes/", views.pending_requests, name="pending_requests"),
    path("demandes/<str:reference>/", views.decide_request, name="decide_request"),
    path("demandes/<str:reference>/refus/", views.refuse_request, name="refuse_request"),
]
