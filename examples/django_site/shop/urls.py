from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

from shop import views

urlpatterns = [
    path("", views.orders, name="orders"),
    path("buy", views.buy, name="buy"),
    path("orders/<int:pk>", views.order, name="order"),
    path("orders/<int:pk>/ship", views.ship, name="ship"),
    path("support", views.support, name="support"),
    path("login", LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("talk/", include("chat.urls")),
    *staticfiles_urlpatterns(),  # With DEBUG only. In production a proxy serves them.
]
