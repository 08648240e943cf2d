from django.contrib import admin
from django.urls import include, path, re_path

from chat.web import assets
from chat.web.admin_sign_in import sign_in

admin.site.site_header = admin.site.site_title = "Chatty"
admin.site.index_title = "Moderation"

urlpatterns = [
    path("admin/login/", sign_in),
    path("admin/", admin.site.urls),
    path("", include("chat.urls")),
    re_path(r"^static/(?P<path>.+)$", assets.missing),  # Files that ServeStatic doesn't have.
]

handler400 = "chat.web.error_pages.bad_request"
handler403 = "chat.web.error_pages.forbidden"
handler404 = "chat.web.error_pages.not_found"
handler500 = "chat.web.error_pages.server_error"
