from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from chat import api
from shop.models import Order

SHOP = api.Person("5d1c9a52-6c1b-4f6e-9a55-0c2f3b8f7d10", "The shop", is_bot=True)  # Any UUID, always the same.


def visible_to(user):
    return Order.objects.all() if user.is_staff else Order.objects.filter(customer=user)


@login_required
def orders(request):
    found = visible_to(request.user).select_related("customer")[:100]
    unread = api.unread_counts(request.user, [order.room for order in found])
    return render(request, "shop/orders.html", {"orders": found, "unread": unread})


@login_required
def order(request, pk):
    return render(request, "shop/order.html", {"order": get_object_or_404(visible_to(request.user), pk=pk)})


def support(request):
    return render(request, "shop/support.html")


@login_required
@require_POST
@transaction.atomic
def buy(request):
    order = Order.objects.create(customer=request.user, item=request.POST["item"][:100])
    api.create_room(order.room, str(order))
    api.post(order.room, SHOP, "Thank you for your order. Ask us here whatever you want to know about it.")
    return redirect(order)


@staff_member_required
@require_POST
@transaction.atomic
def ship(request, pk):
    """The order is shipped if, and only if, its room says so: both are one transaction."""
    order = get_object_or_404(Order.objects.select_for_update(), pk=pk)
    if order.shipped_at is None:
        order.shipped_at = timezone.now()
        order.save()
        api.post(order.room, SHOP, f"Your **{order.item}** is on its way.")
    return redirect(order)
