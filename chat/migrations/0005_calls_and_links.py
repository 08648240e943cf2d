"""Whom messages call, as a table; which of them have a link, and which answer another one.

On SQLite, columns that may be null are added without making `chat_message` anew, which would lose the triggers of
migration `search`. What is stored already is read through once, so that it is found like what comes.

On PostgreSQL nobody can read or write messages meanwhile: the columns lock the table until the end. 220,000 messages took
two seconds on either database.
"""

import uuid
from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Max

MESSAGES = 10_000  # Looked at by one statement.
CALLING = 1_000  # Messages with mentions, whose at most 20 are in memory together.


def forwards(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET LOCAL statement_timeout = 0")  # A log of millions takes its minutes.
    mark_links(apps.get_model("chat", "Message"))
    list_mentions(apps.get_model("chat", "Message"), apps.get_model("chat", "Mention"))


def mark_links(messages: Any) -> None:
    """As markup.py tells a link: in HTML that it made, nothing else looks like the beginning of one."""
    newest = messages.objects.aggregate(newest=Max("pk"))["newest"] or 0
    for first in range(0, newest + 1, MESSAGES):
        some = messages.objects.filter(pk__gte=first, pk__lt=first + MESSAGES)
        some.filter(html__contains='<a href="').update(has_link=True)


def list_mentions(messages: Any, mentions: Any) -> None:
    calling = messages.objects.filter(mentions__isnull=False).only("room_id", "seq", "mentions").order_by("pk")
    last = 0
    while some := list(calling.filter(pk__gt=last)[:CALLING]):
        mentions.objects.bulk_create(
            mentions(member_id=uuid.UUID(member_id), room_id=message.room_id, seq=message.seq)
            for message in some
            for member_id in message.mentions
        )
        last = some[-1].pk


class Migration(migrations.Migration):
    dependencies = [("chat", "0004_message_mentions")]
    operations = [
        migrations.CreateModel(
            name="Mention",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "member_id", "room", "seq", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("member_id", models.UUIDField()),
                (
                    "room",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="chat.room",
                    ),
                ),
                ("seq", models.PositiveBigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="message",
            name="reply_to",
            field=models.PositiveBigIntegerField(
                blank=True, help_text="The seq of the message that it answers.", null=True
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="has_link",
            field=models.BooleanField(blank=True, help_text="Whether the body has a link; null for no.", null=True),
        ),
        migrations.AlterField(
            model_name="message",
            name="mentions",
            field=models.JSONField(
                blank=True, help_text="The ids of the members whom the message calls; null for none.", null=True
            ),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(condition=models.Q(("has_link", True)), fields=["room", "seq"], name="message_with_link"),
        ),
    ]
