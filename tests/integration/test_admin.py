"""/admin for a moderator."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chat.access.person import Moderator
from chat.models import Ban, BannedNetwork, Message, ModerationAction, Room
from chat.moderation import acts
from chat.web import admin_sign_in

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def own_sign_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of this test's own, on its own database, and tries that nobody has used."""
    monkeypatch.setattr(admin_sign_in, "hashing", admin_sign_in.Hashing())
    admin_sign_in.current_sign_ins.cache_clear()


@pytest.fixture
def moderator() -> User:
    user = User.objects.create_user("mo", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="moderate_room"))
    return user


@pytest.fixture
def room() -> Room:
    return Room.objects.create(slug="lobby", head=2)


def say(room: Room, seq: int, author: str, body: str) -> Message:
    return Message.objects.create(
        room=room,
        seq=seq,
        version=seq,
        nonce=uuid.uuid4(),
        author_id=uuid.uuid5(uuid.NAMESPACE_OID, author),
        author_name=author,
        body=body,
        html=body,
        at=timezone.now(),
    )


def make_ban(user: User, **fields: Any) -> Ban:
    ban = Ban(member_id=uuid.uuid4(), **fields)
    acts.add_ban(ban, Moderator(user.pk, user.username, ""))
    return ban


def test_messages_are_searched_and_filtered(web: Client, room: Room) -> None:
    other = Room.objects.create(slug="other")
    say(room, 1, "Ann", "an apple")
    say(room, 2, "Bob", "a banana <b>")
    say(other, 1, "Ann", "a pear")

    def found(query: str) -> list[str]:
        page = web.get(f"/admin/chat/message/?{query}")
        return sorted(message.body for message in page.context["cl"].queryset)

    assert found("q=apple") == ["an apple"]
    assert found("q=Ann") == ["a pear", "an apple"]
    assert found(f"q={uuid.uuid5(uuid.NAMESPACE_OID, 'Bob')}") == ["a banana <b>"]
    assert found(f"room__id__exact={other.pk}") == ["a pear"]
    assert found("deleted_at__isempty=0") == []
    assert b"a banana &lt;b&gt;" in web.get("/admin/chat/message/").content


def test_delete_selected_leaves_tombstones_and_versions_without_holes(web: Client, room: Room) -> None:
    first, second = say(room, 1, "Ann", "bad"), say(room, 2, "Bob", "worse")
    fields = {"action": "delete_selected", "_selected_action": [first.pk, second.pk]}
    assert b"Reason" in web.post("/admin/chat/message/", fields).content
    web.post("/admin/chat/message/", fields | {"post": "yes", "reason": "rude"})
    rows = list(Message.objects.order_by("seq").values_list("seq", "version", "body", "html"))
    assert rows == [(1, 4, "", ""), (2, 3, "", "")] or rows == [(1, 3, "", ""), (2, 4, "", "")]
    room.refresh_from_db()
    assert room.head == 4
    record = ModerationAction.objects.values_list("kind", "moderator_name", "member_name", "room", "reason")
    assert set(record) == {("delete", "mo", name, "lobby", "rude") for name in ("Ann", "Bob")}


def test_a_room_is_locked_without_touching_its_head(web: Client, room: Room) -> None:
    page = web.get(f"/admin/chat/room/{room.pk}/change/")
    assert page.status_code == 200
    Room.objects.update(head=7)  # Somebody said something meanwhile.
    web.post(f"/admin/chat/room/{room.pk}/change/", {"title": "Lobby", "locked": "on", "slow_seconds": "30"})
    room.refresh_from_db()
    assert (room.title, room.locked, room.slow_seconds, room.head) == ("Lobby", True, 30, 7)
    assert set(ModerationAction.objects.values_list("kind", "detail")) == {
        ("describe", "Lobby"),
        ("lock", ""),
        ("slow", "30 s"),
    }


def test_a_room_gets_an_address_that_a_socket_can_have(web: Client) -> None:
    def make(slug: str) -> None:
        web.post("/admin/chat/room/add/", {"slug": slug, "title": "", "slow_seconds": "0"})

    make("Not_This")
    make("this-one")
    assert list(Room.objects.values_list("slug", flat=True)) == ["this-one"]


def test_the_author_of_a_message_is_banned_with_addresses(web: Client, room: Room) -> None:
    bad = say(room, 1, "Eve", "bad")
    answer = web.post("/admin/chat/message/", {"action": "ban_author", "_selected_action": [bad.pk]})
    page = web.get(answer["Location"])
    assert page.context["adminform"].form.initial["member_id"] == str(bad.author_id)
    form = {
        "member_id": str(bad.author_id),
        "member_name": "Eve",
        "reason": "spam",
        "networks-TOTAL_FORMS": 2,
        "networks-INITIAL_FORMS": 0,
        "networks-0-network": "203.0.113.7",
        "networks-1-network": "2001:db8:1:2:3::4",
    }
    assert web.post("/admin/chat/ban/add/", form).status_code == 302
    found = acts.read_exclusions(None)
    assert found
    assert found.revision > 0
    (ban,) = found.bans
    assert ban.member_id == str(bad.author_id)
    assert ban.networks == {"203.0.113.7", "2001:db8:1:2::/64"}
    wrong = web.post("/admin/chat/ban/add/", form | {"networks-0-network": "here"})
    assert "Enter an IP address." in wrong.content.decode()


def test_a_ban_needs_a_member_or_an_address(web: Client) -> None:
    form = {"member_id": "", "reason": "", "networks-TOTAL_FORMS": 0, "networks-INITIAL_FORMS": 0}
    answer = web.post("/admin/chat/ban/add/", form)
    assert "Enter a member" in answer.content.decode()
    assert not Ban.objects.exists()


def test_bans_are_lifted_and_their_addresses_forgotten(web: Client, moderator: User) -> None:
    ban = make_ban(moderator, by_address=True)
    acts.add_networks(ban.pk, ["203.0.113.7"])
    before = acts.read_exclusions(None)
    assert before
    web.post("/admin/chat/ban/", {"action": "lift", "_selected_action": [ban.pk]})
    after = acts.read_exclusions(before.revision)
    assert after
    assert after.bans == []
    assert not BannedNetwork.objects.exists()
    assert list(ModerationAction.objects.values_list("kind", flat=True)) == ["unban", "ban"]
    listed = web.get("/admin/chat/ban/?in_force=no")
    assert list(listed.context["cl"].queryset) == [ban]
    assert list(web.get("/admin/chat/ban/?in_force=yes").context["cl"].queryset) == []


def test_addresses_of_a_ban_that_is_over_are_forgotten_and_take_in_no_more(moderator: User) -> None:
    over = make_ban(moderator, by_address=True, ends_at=timezone.now() + timedelta(seconds=60))
    lasting = make_ban(moderator, by_address=True)
    for ban in (over, lasting):
        acts.add_networks(ban.pk, ["203.0.113.7"])
    Ban.objects.filter(pk=over.pk).update(ends_at=timezone.now())
    acts.forget_networks()
    acts.add_networks(over.pk, ["203.0.113.8"])
    assert list(BannedNetwork.objects.values_list("ban", "network")) == [(lasting.pk, "203.0.113.7")]


def test_a_ban_takes_in_so_many_networks_and_no_more(moderator: User) -> None:
    ban = make_ban(moderator, by_address=True)
    for start in (0, 10):
        acts.add_networks(ban.pk, [f"203.0.113.{start + number}" for number in range(10)])
    assert ban.networks.count() == acts.NETWORKS_LIMIT


@pytest.mark.parametrize("path", ["message", "ban", "moderationaction", "room"])
def test_pages_are_for_moderators_only(web: Client, path: str) -> None:
    assert web.get(f"/admin/chat/{path}/").status_code == 200
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    assert clerk.get(f"/admin/chat/{path}/").status_code == 403


def test_the_record_is_read_only_even_for_a_superuser(moderator: User) -> None:
    make_ban(moderator)
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    key = ModerationAction.objects.get().pk
    assert root.get(f"/admin/chat/moderationaction/{key}/change/").status_code == 200
    for page in (f"{key}/change/", f"{key}/delete/", "add/"):
        assert root.post(f"/admin/chat/moderationaction/{page}", {"post": "yes"}).status_code == 403
    assert ModerationAction.objects.count() == 1


def test_a_room_is_deleted_by_a_superuser_alone(web: Client, room: Room) -> None:
    say(room, 1, "Ann", "hello")
    assert web.post(f"/admin/chat/room/{room.pk}/delete/", {"post": "yes"}).status_code == 403
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    assert b"hello" not in root.get(f"/admin/chat/room/{room.pk}/delete/").content
    root.post(f"/admin/chat/room/{room.pk}/delete/", {"post": "yes"})
    assert not Message.objects.exists()


def test_the_rooms_page_stays_the_same_for_everybody(web: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        page = web.get("/chatty")
    assert page.content == Client().get("/chatty").content
    assert not page.cookies


def test_cookies_stay_on_this_site(web: Client, moderator: User) -> None:
    moderator.set_password("secret")
    moderator.save()
    answer = Client().post("/admin/login/", {"username": "mo", "password": "secret"})
    for name in ("sessionid", "csrftoken"):
        assert answer.cookies[name]["samesite"] == "Lax"
    assert answer.cookies["sessionid"]["httponly"]


def test_an_empty_install_has_no_account() -> None:
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        "chat/message/?q=%00",
        "chat/message/?in_room=%00",
        "chat/message/?author_id=%00",
        "chat/ban/?reason=%00",
        "chat/moderationaction/?kind__exact=%00",
        "chat/room/?locked__exact=%00",
        "chat/room/%00/change/",
        "chat/room/%00/delete/",
        "chat/ban/add/?member_name=%00",
        "auth/user/?q=%00",
        "login/?next=%00",
    ],
)
def test_a_nul_in_an_address_is_refused(moderator: User, path: str) -> None:
    web = Client()
    web.force_login(User.objects.create_superuser("root"))
    assert web.get(f"/admin/{path}").status_code == 400


def test_a_nul_in_the_sessions_cookie_is_refused() -> None:
    cookie = 'sessionid="abcdefgh\\000"'  # As cookies write it.
    assert Client().get("/admin/", headers={"cookie": cookie}).status_code == 400


def test_a_nul_in_a_form_is_refused_and_nothing_is_done(web: Client, room: Room) -> None:
    bad = say(room, 1, "Eve", "bad")
    deletion = {"post": "yes", "reason": "ru\0de"}
    selected = {"action": "delete_selected", "_selected_action": [bad.pk]}
    networks = {"networks-TOTAL_FORMS": 1, "networks-INITIAL_FORMS": 0}
    fields: dict[str, list[dict[str, Any]]] = {
        "chat/message/": [selected | deletion],
        f"chat/message/{bad.pk}/delete/": [deletion],
        f"chat/room/{room.pk}/change/": [
            {"title": "a\0b", "slow_seconds": "0"},
            {"title": "a", "topic": "a\0b", "slow_seconds": "0"},
        ],
        "chat/room/add/": [{"slug": "a\0b", "slow_seconds": "0"}],
        "chat/ban/add/": [
            networks | {"member_id": str(uuid.uuid4()), field: "a\0b"} for field in ("member_name", "reason")
        ]
        + [networks | {"member_id": "a\0b"}, networks | {"networks-0-network": "203.0.113.7\0"}],
    }
    fields["chat/revocation/add/"] = [
        {"member_id": str(uuid.uuid4()), field: "a\0b"} for field in ("member_name", "reason")
    ]
    for path, forms in fields.items():
        for form in forms:
            answer = web.post(f"/admin/{path}", form, follow=True)
            assert answer.status_code == 200, path
            assert "ull characters are not allowed" in answer.content.decode() or path == "chat/ban/add/", path
    assert Message.objects.get().body == "bad"
    assert not Ban.objects.exists()
    assert list(Room.objects.values_list("slug", "title", "topic")) == [("lobby", "", "")]
    assert not ModerationAction.objects.exists()


@pytest.mark.parametrize("key", ["\0", "abc", "-1", "9" * 40])
@pytest.mark.parametrize("path", ["message", "ban", "room", "moderationaction"])
def test_a_selection_that_is_no_number_changes_nothing(web: Client, room: Room, path: str, key: str) -> None:
    say(room, 1, "Ann", "hello")
    for action in ("delete_selected", "ban_author", "lift"):
        answer = web.post(f"/admin/chat/{path}/", {"action": action, "_selected_action": [key], "post": "yes"})
        assert answer.status_code in (200, 302)
    assert Message.objects.get().body == "hello"


def test_of_many_rooms_one_is_found_by_its_address_and_the_page_stays_small(web: Client, room: Room) -> None:
    Room.objects.bulk_create(Room(slug=f"room-{number:05}") for number in range(5_000))
    say(room, 1, "Ann", "an apple")
    say(Room.objects.get(slug="room-00042"), 1, "Ann", "a pear")
    found = web.get("/admin/chat/message/?in_room=lobby&q=a&deleted_at__isempty=1")
    assert [message.body for message in found.context["cl"].queryset] == ["an apple"]
    page = found.content.decode()
    assert 'name="in_room" maxlength="50" value="lobby"' in page
    for kept in ('name="q" value="a"', 'name="deleted_at__isempty" value="1"'):  # By the filter's own form.
        assert f'<input type="hidden" {kept}>' in page
    assert list(web.get("/admin/chat/message/?in_room=nowhere").context["cl"].queryset) == []
    for number in range(300):
        ModerationAction.objects.create(kind="lock", moderator_name="mo", room=f"room-{number:05}")
    found = web.get("/admin/chat/moderationaction/?in_room=room-00042")
    assert [act.room for act in found.context["cl"].queryset] == ["room-00042"]
    for path in ("message", "moderationaction", "room", "ban"):
        assert len(web.get(f"/admin/chat/{path}/").content) < 120_000, path
    assert len(web.get("/admin/chat/message/").content) < 20_000
    assert b"room-00007" not in web.get("/admin/chat/message/").content


def test_how_long_a_rooms_messages_stay_is_recorded(web: Client, room: Room) -> None:
    for days, kept, detail in (("7", 7, "7 days"), ("0", 0, "for ever"), ("", None, "as the setting says")):
        fields = {"title": "", "topic": "", "slow_seconds": "0", "keep_days": days}
        assert web.post(f"/admin/chat/room/{room.pk}/change/", fields).status_code == 302
        room.refresh_from_db()
        assert (room.keep_days, room.head) == (kept, 2)
        action = ModerationAction.objects.first()
        assert action is not None
        assert (action.kind, action.room, action.detail) == ("keep", "lobby", detail)
