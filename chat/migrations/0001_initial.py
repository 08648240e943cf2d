import django.core.validators
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BanRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='DatabaseEpoch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lineage', models.UUIDField(editable=False)),
                ('number', models.PositiveBigIntegerField(unique=True)),
                ('mark', models.UUIDField(editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='SearchFolding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name='Probe',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Revocation',
            fields=[
                ('member_id', models.UUIDField(primary_key=True, serialize=False, verbose_name="member's id")),
                ('generation', models.PositiveBigIntegerField(default=0, editable=False)),
                ('revoked_at', models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name='Room',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z0-9-]{1,50}\\Z')], verbose_name='address')),
                ('title', models.CharField(blank=True, max_length=100)),
                ('topic', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('made_by', models.UUIDField(blank=True, editable=False, help_text='The id of the member who created the room, who may edit its name and topic. May be empty.', null=True, verbose_name='created by')),
                ('log', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('head', models.PositiveBigIntegerField(default=0, editable=False, help_text='The version of the newest change.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('locked', models.BooleanField(default=False, help_text='Read-only: only moderators can write.')),
                ('slow_seconds', models.PositiveIntegerField(default=0, help_text='Seconds between two messages from the same member; 0 means no limit.', validators=[django.core.validators.MaxValueValidator(3600)], verbose_name='slow mode')),
                ('keep_days', models.PositiveIntegerField(blank=True, help_text='Older messages are deleted. 0 keeps them for ever; leave empty for the setting KEEP_MESSAGES_DAYS.', null=True, validators=[django.core.validators.MaxValueValidator(36500)], verbose_name='days to keep messages')),
                ('expired', models.PositiveBigIntegerField(db_default=0, default=0, editable=False)),
            ],
            options={
                'permissions': (('moderate_room', 'Can moderate in the rooms'),),
            },
        ),
        migrations.CreateModel(
            name='Ban',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('member_id', models.UUIDField(blank=True, db_index=True, null=True, verbose_name="member's id")),
                ('member_name', models.CharField(blank=True, help_text="The member's screen name at the time of the ban.", max_length=40)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('by_address', models.BooleanField(default=False, help_text='Bans everyone at the addresses that the member uses. They are kept until the ban ends.', verbose_name='also ban the IP addresses')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ends_at', models.DateTimeField(blank=True, help_text='Leave empty for a permanent ban.', null=True)),
                ('lifted_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Bot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('member_id', models.UUIDField(editable=False, unique=True, verbose_name="member's id")),
                ('name', models.CharField(help_text="Its screen name, which can't be changed later.", max_length=40)),
                ('rooms', models.TextField(blank=True, default='', help_text='Addresses of the only rooms that it may use, separated by spaces. Leave empty for all rooms.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('name',), name='bot_name_once')],
            },
        ),
        migrations.CreateModel(
            name='Hook',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='The name of its messages.', max_length=40)),
                ('secret_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('made_by', models.UUIDField(blank=True, editable=False, null=True, verbose_name='created by member')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('room', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hooks', to='chat.room')),
            ],
            options={
                'verbose_name': 'webhook',
            },
        ),
        migrations.CreateModel(
            name='OutgoingHook',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='For moderators only.', max_length=40)),
                ('url', models.CharField(help_text='Where they are sent, by POST.', max_length=500, verbose_name='URL')),
                ('wants', models.CharField(choices=[('messages', 'new messages'), ('all', 'all changes: new, edited and deleted messages, and reactions')], default='messages', max_length=10, verbose_name='sends')),
                ('secret', models.CharField(editable=False, max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('cursor', models.PositiveBigIntegerField(editable=False, verbose_name='delivered up to version')),
                ('delivery', models.UUIDField(editable=False, null=True)),
                ('delivery_end', models.PositiveBigIntegerField(editable=False, null=True)),
                ('leased_by', models.UUIDField(editable=False, null=True)),
                ('leased_until', models.DateTimeField(editable=False, null=True)),
                ('tried_at', models.DateTimeField(editable=False, null=True, verbose_name='last attempt')),
                ('status', models.CharField(blank=True, editable=False, max_length=100, verbose_name='last result')),
                ('next_try_at', models.DateTimeField(editable=False, null=True, verbose_name='next attempt')),
                ('failures', models.PositiveIntegerField(default=0, editable=False, verbose_name='failed attempts in a row')),
                ('failing_since', models.DateTimeField(editable=False, null=True)),
                ('off_since', models.DateTimeField(editable=False, null=True, verbose_name='switched off since')),
                ('off_reason', models.CharField(blank=True, editable=False, max_length=200, verbose_name='switched off because')),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('room', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outgoing_hooks', to='chat.room')),
            ],
            options={
                'verbose_name': 'outgoing webhook',
            },
        ),
        migrations.CreateModel(
            name='BannedNetwork',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('network', models.CharField(max_length=43)),
                ('ban', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='networks', to='chat.ban')),
            ],
        ),
        migrations.CreateModel(
            name='ModerationAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('kind', models.CharField(choices=[('delete', 'deleted a message'), ('ban', 'banned'), ('unban', 'lifted a ban'), ('lock', 'locked'), ('unlock', 'unlocked'), ('slow', 'changed slow mode'), ('keep', 'changed how long messages stay'), ('describe', 'edited name or topic'), ('revoke', 'revoked tokens'), ('room', 'deleted the room'), ('bot', 'created a bot'), ('hook', 'created a webhook'), ('unhook', 'revoked a webhook'), ('out', 'created an outgoing webhook'), ('out_edit', 'changed an outgoing webhook'), ('out_on', 'switched on an outgoing webhook'), ('unout', 'deleted an outgoing webhook')], max_length=10)),
                ('moderator_name', models.CharField(help_text="The account's name at the time.", max_length=150)),
                ('room', models.CharField(blank=True, help_text="The room's address at the time.", max_length=50)),
                ('member_id', models.UUIDField(null=True, verbose_name="member's id")),
                ('member_name', models.CharField(blank=True, max_length=40)),
                ('seq', models.PositiveBigIntegerField(null=True, verbose_name='message')),
                ('detail', models.CharField(blank=True, max_length=320)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('moderator', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-at', '-pk'),
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.PositiveBigIntegerField()),
                ('version', models.PositiveBigIntegerField()),
                ('nonce', models.UUIDField()),
                ('author_id', models.UUIDField()),
                ('author_name', models.CharField(help_text="The author's screen name at the time of posting.", max_length=40)),
                ('body', models.TextField(blank=True)),
                ('html', models.TextField(blank=True, help_text='The body as safe HTML.')),
                ('at', models.DateTimeField()),
                ('edited_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, help_text='Set on a tombstone, whose body is empty.', null=True)),
                ('reactions', models.JSONField(blank=True, default=dict, help_text='Emoji to the ids of the members who chose it.')),
                ('mentions', models.JSONField(blank=True, help_text='The ids of the mentioned members; null for none.', null=True)),
                ('reply_to', models.PositiveBigIntegerField(blank=True, help_text='The seq of the message that it replies to.', null=True)),
                ('has_link', models.BooleanField(blank=True, help_text='Whether the body has a link; null for no.', null=True)),
                ('is_by_bot', models.BooleanField(blank=True, help_text='Whether a program wrote it; null for no.', null=True)),
                ('search_text', models.TextField(blank=True, editable=False, help_text="The body's words, folded, for the search index; null if the index uses the body itself.", null=True)),
                ('room', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='chat.room')),
            ],
        ),
        migrations.CreateModel(
            name='Mention',
            fields=[
                ('pk', models.CompositePrimaryKey('member_id', 'room', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('member_id', models.UUIDField()),
                ('seq', models.PositiveBigIntegerField()),
                ('room', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chat.room')),
            ],
        ),
        migrations.CreateModel(
            name='Visitor',
            fields=[
                ('pk', models.CompositePrimaryKey('room', 'member_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('member_id', models.UUIDField()),
                ('name', models.CharField(max_length=40)),
                ('folded', models.CharField(help_text='As `mentions.fold` returns it.', max_length=80)),
                ('seen_at', models.DateTimeField()),
                ('room', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chat.room')),
            ],
            options={
                'indexes': [models.Index(fields=['room', 'folded'], name='visitor_by_name'), models.Index(fields=['room', 'seen_at'], name='visitor_by_time')],
            },
        ),
        migrations.CreateModel(
            name='AccessRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='ReadMark',
            fields=[
                ('pk', models.CompositePrimaryKey('member_id', 'room', blank=True, editable=False, primary_key=True, serialize=False)),
                ('member_id', models.UUIDField()),
                ('seq', models.PositiveBigIntegerField()),
                ('room', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chat.room')),
            ],
        ),
        migrations.AddIndex(
            model_name='ban',
            index=models.Index(fields=['lifted_at', 'ends_at'], name='ban_in_force'),
        ),
        migrations.AddConstraint(
            model_name='bannednetwork',
            constraint=models.UniqueConstraint(fields=('ban', 'network'), name='banned_network_once'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['room', 'author_id', 'seq'], name='message_by_author'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('has_link', True)), fields=['room', 'seq'], name='message_with_link'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('room', 'seq'), name='message_seq_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('room', 'version'), name='message_version_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('nonce', 'author_id', 'room'), name='message_nonce_once'),
        ),
    ]
