from django.urls import path

from spaces import views

app_name = "spaces"

urlpatterns = [
    path("mon-compte/espaces/", views.my_subscriptions, name="my_subscriptions"),
]
