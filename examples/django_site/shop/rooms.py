from django.contrib.auth import get_user_model

from shop.models import Order


def can_join(person, slug):
    """The room of an order is for its customer and for staff. All other rooms are for everybody."""
    prefix, _, number = slug.partition("-")
    if prefix != "order":
        return True
    if person.account is None or not number.isdecimal():
        return False
    order = Order.objects.filter(pk=number).first()
    if order is None:
        return False
    return str(order.customer_id) == person.account or _is_staff(person.account)


def _is_staff(account):
    return get_user_model().objects.filter(pk=account, is_staff=True, is_active=True).exists()
