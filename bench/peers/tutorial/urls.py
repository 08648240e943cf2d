"""No pages: the benchmark only opens sockets."""

urlpatterns: list[object] = []
