from django.urls import path

from chorus.demo import views

app_name = "demo"
urlpatterns = [
    path("courriels/", views.mailbox, name="mailbox"),
    path("courriels/<int:pk>/", views.mail, name="mail"),
    path("courriels/<int:pk>/html/", views.mail_html, name="mail_html"),
]
