from django.urls import path

from registration import views

app_name = "registration"
urlpatterns = [
    path("inscription/", views.register, name="register"),
    path("inscription/structure/", views.structure_block, name="structure_block"),
    path("inscription/captcha/", views.captcha_block, name="captcha_block"),
    path("inscription/captcha/<slug:key>/image/", views.captcha_image, name="captcha_image"),
    path("inscription/captcha/<slug:key>/audio/", views.captcha_audio, name="captcha_audio"),
    path("inscription/recapitulatif/", views.recap, name="recap"),
    path("inscription/recapitulatif/adresse/", views.correct_address, name="correct_address"),
]
