from django.conf import settings
from django.db import models
from django.urls import reverse


class Order(models.Model):
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    item = models.CharField(max_length=100)
    shipped_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"Order {self.pk}: {self.item}"

    def get_absolute_url(self):
        return reverse("order", args=[self.pk])

    @property
    def room(self):
        """The address of its room."""
        return f"order-{self.pk}"
