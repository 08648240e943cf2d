"""The pages' URLs."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from . import installable, views
from .routes import SLUG

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="chatty")),
    re_path(r"^chatty/?$", views.room, name="chatty"),
    re_path(rf"^chatty/(?P<slug>{SLUG.pattern})/?$", views.room, name="room"),
    path("get_user_info", views.user_info, name="user-info"),
    path("get_user_info.json", views.user_info),
    path("manifest.webmanifest", installable.manifest, name="manifest"),
    path("worker.js", installable.worker, name="worker"),
    path("offline", installable.offline, name="offline"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
