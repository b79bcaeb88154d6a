"""Rules and targets as people edit them: in the admin, and by ``configure``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from agents.alerts import deliveries, signing
from agents.alerts.sending import send
from agents.configuration import Malformed, configure
from agents.models import AlertRule, AlertTarget, Delivery
from tests.agents.alerts.post import deliver, failed, receiver, rule, webhook

pytestmark = pytest.mark.django_db(transaction=True)

TARGETS, RULES, LOG = (
    "/admin/agents/alerttarget/",
    "/admin/agents/alertrule/",
    "/admin/agents/delivery/",
)
HOOK = {"name": "ops", "kind": "webhook", "address": "https://ops.test/hook", "enabled": "on"}


@pytest.fixture
def desk(ada: User, client: Client) -> Client:
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.django_db
def test_a_new_webhooks_key_is_made_and_shown_once(desk: Client) -> None:
    page = desk.post(f"{TARGETS}add/", HOOK, follow=True).content.decode()
    secret = AlertTarget.objects.get().secret
    signing.key_of(secret)
    assert secret.replace("+", "&#x2B;").replace("=", "&#x3D;") in page or secret in page
    target = AlertTarget.objects.get()
    for address in (TARGETS, f"{TARGETS}{target.pk}/change/", f"{TARGETS}{target.pk}/history/"):
        again = desk.get(address).content.decode()
        assert "whsec_" not in again.replace("whsec_ key", "")
        assert target.sealed not in again
    assert secret not in str(list(LogEntry.objects.values()))


@pytest.mark.django_db
def test_saving_without_a_secret_keeps_it_and_rotating_keeps_both_for_a_day(desk: Client) -> None:
    desk.post(f"{TARGETS}add/", HOOK)
    target = AlertTarget.objects.get()
    page, old = f"{TARGETS}{target.pk}/change/", target.secret
    desk.post(page, HOOK | {"address": "https://ops.test/other"})
    target.refresh_from_db()
    assert (target.secret, target.address) == (old, "https://ops.test/other")
    desk.post(page, HOOK | {"rotate": "on"})
    target.refresh_from_db()
    assert target.secret != old
    assert target.keys() == [target.secret, old]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"address": "ftp://x.test"}, "http or https"),
        ({"address": "https://x.test:0/"}, "http or https"),
        ({"address": "https://bücher.test/"}, "http or https"),
        ({"address": "https://x.test/\x7f"}, "http or https"),
        ({"address": "https://me:pw@x.test/"}, "password"),
        ({"secret": "whsec_short"}, "24 to 64"),
        ({"kind": "email", "address": " "}, "Is needed: where the mail goes."),
        ({"kind": "email", "address": "ann@x.test, nobody"}, "is no e-mail address"),
        ({"kind": "email", "address": "a@x.test\nBcc: eve@x.test"}, "is no e-mail address"),
        ({"kind": "apprise", "address": "", "secret": "nothing"}, "Apprise understands"),
        ({"kind": "apprise", "address": ""}, "Apprise understands"),
    ],
)
def test_a_target_that_cannot_work_is_refused(
    desk: Client, fields: dict[str, str], said: str
) -> None:
    page = desk.post(f"{TARGETS}add/", HOOK | fields).content.decode()
    assert said in page
    assert not AlertTarget.objects.exists()


@pytest.mark.django_db
def test_an_apprise_url_is_stored_and_never_shown(desk: Client) -> None:
    url = "tgram://123456789:abcdefg_hijklmnop/12315544/"
    form = HOOK | {"kind": "apprise", "address": "", "secret": url}
    assert desk.post(f"{TARGETS}add/", form).status_code == 302
    target = AlertTarget.objects.get()
    assert target.secret == url
    assert "abcdefg" not in desk.get(f"{TARGETS}{target.pk}/change/").content.decode()
    assert "abcdefg" not in desk.get(TARGETS).content.decode()


def test_a_test_goes_through_the_outbox_and_its_page_says_what_came_of_it(
    desk: Client, tmp_path: Path
) -> None:
    one = receiver(tmp_path)
    target = webhook(one.url)
    answer = desk.post(f"{TARGETS}{target.pk}/press/")
    delivery = Delivery.objects.get()
    assert answer.headers["Location"] == f"{LOG}{delivery.pk}/change/"
    assert desk.get(f"{LOG}{delivery.pk}/change/").headers["Refresh"] == "2"
    with one.open():
        deliver()
    page = desk.get(f"{LOG}{delivery.pk}/change/")
    assert "delivered" in page.content.decode()
    assert "Refresh" not in page.headers
    assert "This is a test" in one.taken()[0]["body"]


@pytest.mark.django_db
def test_a_test_of_a_rule_goes_to_each_of_its_targets(desk: Client) -> None:
    asked = rule()
    answer = desk.post(f"{RULES}{asked.pk}/press/", follow=True)
    assert "there is no enabled target" in answer.content.decode()
    for name in ("one", "two"):
        webhook(name=name)
    assert desk.post(f"{RULES}{asked.pk}/press/", follow=True).status_code == 200
    assert Delivery.objects.count() == 2
    assert "session-failed" in Delivery.objects.all()[0].alert.text


def test_a_test_is_a_post_of_an_admin_with_a_token(desk: Client, olu: User) -> None:
    press = f"{TARGETS}{webhook().pk}/press/"
    assert desk.get(press).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.cookies
    assert strict.post(press).status_code == 403
    desk.force_login(olu, "django.contrib.auth.backends.ModelBackend")
    assert desk.post(press).status_code == 403
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_a_page_says_what_was_saved_with_a_link_and_shows_no_markup(desk: Client) -> None:
    page = desk.post(f"{TARGETS}add/", HOOK, follow=True).content.decode()
    target = AlertTarget.objects.get()
    assert f'<a href="{TARGETS}{target.pk}/change/">{target.name}</a>' in page
    assert "&lt;a href" not in page
    assert "Find a session" not in page  # a list has one search, its own
    assert page.count('role="search"') == 1


ROTATE = 'name="rotate"'


@pytest.mark.django_db
def test_a_key_is_replaced_where_there_is_one(desk: Client) -> None:
    assert ROTATE not in desk.get(f"{TARGETS}add/").content.decode()
    hook, mail = webhook(), AlertTarget.objects.create(name="m", kind="email", address="a@x.test")
    assert ROTATE in desk.get(f"{TARGETS}{hook.pk}/change/").content.decode()
    assert ROTATE not in desk.get(f"{TARGETS}{mail.pk}/change/").content.decode()


def test_the_log_leads_to_the_page_and_the_rule_that_an_alert_is_about(desk: Client) -> None:
    webhook()
    failed()
    (delivery,) = deliver()
    page = desk.get(f"{LOG}{delivery.pk}/change/").content.decode()
    assert f'href="{delivery.alert.path}"' in page
    assert f'href="{RULES}{delivery.alert.rule_id}/change/"' in page
    assert '<span class="chip waiting">On its way</span>' in page
    assert '<span class="chip waiting">On its way</span>' in desk.get(LOG).content.decode()


def test_what_failed_is_sent_again_from_the_log(desk: Client) -> None:
    webhook()
    failed()
    (delivery,) = deliver()
    Delivery.objects.update(state="failed")
    message_id = delivery.alert.message_id
    form = {"action": "send_again", "_selected_action": delivery.pk}
    page = desk.post(LOG, form, follow=True).content.decode()
    assert "1 on the way again" in page
    (taken,) = deliveries.take(1)
    assert taken.parcel.message_id == message_id
    assert send(taken.parcel).problem


def test_the_log_is_read_only(desk: Client) -> None:
    webhook()
    failed()
    (delivery,) = deliver()
    assert desk.get(f"{LOG}add/").status_code == 403
    assert desk.post(f"{LOG}{delivery.pk}/delete/", {"post": "yes"}).status_code == 403
    desk.post(f"{LOG}{delivery.pk}/change/", {"state": "delivered"})
    delivery.refresh_from_db()
    assert delivery.state == "pending"


def test_a_target_with_deliveries_can_be_removed_and_the_log_stays(desk: Client) -> None:
    target = webhook()
    failed()
    deliver()
    desk.post(f"{TARGETS}{target.pk}/delete/", {"post": "yes"})
    desk.post(f"{RULES}{rule().pk}/delete/", {"post": "yes"})
    assert not AlertTarget.objects.exists()
    assert Delivery.objects.get().target_name == "hook"
    assert desk.get(LOG).status_code == 200


@pytest.mark.django_db
def test_rules_are_filtered_and_edited(desk: Client) -> None:
    target = webhook()
    assert desk.get(f"{RULES}?trigger__exact=session_failed&enabled__exact=1").status_code == 200
    form = {
        "name": "mine",
        "enabled": "on",
        "trigger": "approval_waiting",
        "agent": "*",
        "minimum_risk": "high",
        "minutes": 5,
        "group_by": "agent",
        "cooldown": 60,
        "sends_to": [target.pk],
    }
    assert desk.post(f"{RULES}add/", form).status_code == 302
    assert AlertRule.objects.get(name="mine").targets == ["hook"]
    refused = desk.post(f"{RULES}add/", form | {"name": "b", "minutes": 0}).content.decode()
    assert "Must be from 1 to" in refused


WHOLE = """
[alerts.big-trouble]
trigger = "session_failed"
agent = "bank-*"
cooldown = 60
group_by = "error_class"
targets = ["chat", "mail"]

[alert_targets.chat]
kind = "apprise"
secret = "env:CHAT"

[alert_targets.mail]
kind = "email"
address = "ann@x.test"
default = false
"""


@pytest.mark.django_db
def test_configure_makes_targets_and_rules_and_once_more_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHAT", "json://chat.test/token-123456")
    assert configure(WHOLE) == [
        "alert_targets.chat: created",
        "alert_targets.mail: created",
        "alerts.big-trouble: created",
    ]
    made = AlertRule.objects.get(name="big-trouble")
    assert (made.targets, made.group_by) == (["chat", "mail"], "error_class")
    assert AlertTarget.objects.get(name="chat").secret == "json://chat.test/token-123456"
    assert configure(WHOLE) == []
    monkeypatch.setenv("CHAT", "json://chat.test/token-654321")
    assert configure(WHOLE.replace('"chat", "mail"', '"mail"')) == [
        "alert_targets.chat.secret: changed",
        "alerts.big-trouble.targets: ['chat', 'mail'] -> ['mail']",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[alert_targets.x]\nkind = 'pigeon'", "must be one of webhook, email, apprise"),
        ("[alert_targets.x]\nkind = 'webhook'\naddress = 'https://x.test'", "whsec_"),
        ("[alert_targets.x]\nkind = 'apprise'\nsecret = 'json://x'", "must be env:NAME"),
        ("[alert_targets.x]\nkind = 'apprise'\nsecret = 'env:NOT_SET'", "must be env:NAME"),
        ("[alert_targets.x]\nkind = 'email'\naddress = 'x'", "is no e-mail address"),
        ("[alert_targets.x]\nkind = 'email'\nuser = 'x'", "no such key"),
        ("[alerts.x]\ntrigger = 'session_failed'\ntargets = ['nobody']", "no target 'nobody'"),
        ("[alerts.x]\ntrigger = 'session_failed'\ntargets = [1]", "must be a list of"),
        ("[alerts.x]\ntrigger = 'full_moon'", "must be one of"),
        ("[alerts.x]\ntrigger = 'session_failed'\ncooldown = 9999999", "must be from 0"),
    ],
)
def test_configure_refuses_in_a_line_with_its_place(text: str, said: str) -> None:
    with pytest.raises(Malformed) as caught:
        configure(text, "c.toml")
    assert any(said in line and line.startswith("c.toml:") for line in caught.value.problems)
    assert "json://" not in str(caught.value)


def test_the_rules_of_a_new_installation_cost_nothing_until_there_is_a_target(
    django_assert_num_queries: Any,
) -> None:
    assert {*AlertRule.objects.values_list("trigger", flat=True)} == {*AlertRule.Trigger.values}
    failed()
    assert deliver() == []
