"""What the forms for incoming and outgoing webhooks share."""

from django import forms

from chat.content import validation
from chat.models import Room
from chat.protocol.constants import HOOKS_LIMIT
from chat.protocol.errors import Refusal


class NamedForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's classes take no type at run time.
    def clean_name(self) -> str:
        try:
            return validation.clean_name(self.cleaned_data["name"])
        except Refusal as refusal:
            raise forms.ValidationError(refusal.detail) from None


class InRoomForm(NamedForm):
    """A form for a new webhook of a room. `of_room`: the name of a room's webhooks of this kind."""

    of_room = ""
    address = forms.CharField(max_length=50, label="Room", help_text="The room's address.")

    def clean_address(self) -> Room:
        if (room := Room.objects.filter(slug=self.cleaned_data["address"]).first()) is None:
            raise forms.ValidationError("There is no such room.")
        if getattr(room, self.of_room).count() >= HOOKS_LIMIT:
            raise forms.ValidationError(f"A room has at most {HOOKS_LIMIT} of these webhooks.")
        return room
