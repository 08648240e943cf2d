"""The pages' URLs."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from chat.openapi import views as openapi
from chat.paths import SLUG, SLUG_LIMIT
from chat.web import embedding, error_pages, metrics, pwa, reflection, views

app_name = "chat"
ANY_CASE = "[Cc][Hh][Aa][Tt][Tt][Yy]"  # Django can't reverse URLs with (?i:...) among them.

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="chat:chatty"), name="index"),
    re_path(r"^chatty/?$", views.room, name="chatty"),
    re_path(rf"^chatty/(?P<slug>{SLUG.pattern})/?$", views.room, name="room"),
    # Addresses that were typed, or dictated, with capitals.
    re_path(rf"^{ANY_CASE}/(?P<slug>[A-Za-z0-9-]{{1,{SLUG_LIMIT}}})/?$", views.lower_case),
    re_path(rf"^{ANY_CASE}/?$", views.lower_case),
    re_path(rf"^{ANY_CASE}/", error_pages.not_found),
    path("get_user_info", views.user_info, name="user-info"),
    path("get_user_info.json", views.user_info, name="identity"),
    path("manifest.webmanifest", pwa.manifest, name="manifest"),
    path("worker.js", pwa.worker, name="worker"),
    path("offline", pwa.offline, name="offline"),
    path("embed.js", embedding.script, name="embed"),
    path("api/openapi.json", openapi.description, name="openapi"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("doctor", reflection.reflect, name="doctor"),
    path("metrics", metrics.metrics, name="metrics"),
]
