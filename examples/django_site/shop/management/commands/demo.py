from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Creates two customers and one of the staff, with the password `demo`: for this machine only."

    def handle(self, *args, **options):
        users = get_user_model().objects
        users.create_user("dora", password="demo", first_name="Dora", last_name="Fuchs")
        users.create_user("emil", password="demo", first_name="Emil", last_name="Kern")
        users.create_superuser("sam", password="demo", first_name="Sam", last_name="Otte")
