"""Signatures as Standard Webhooks has them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.alerts import signing
from agents.models import AlertTarget

# The example that the Standard Webhooks libraries test themselves with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_known_example() -> None:
    assert signing.headers(MESSAGE, SECONDS, BODY, [SECRET]) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(SECONDS),
        "webhook-signature": SIGNATURE,
    }


def test_while_a_key_is_replaced_both_sign() -> None:
    both = signing.headers(MESSAGE, SECONDS, BODY, [signing.new_secret(), SECRET])
    first, second = both["webhook-signature"].split(" ")
    assert first != second
    assert second == SIGNATURE


@pytest.mark.parametrize(
    "secret", ["", "abc", "whsec_", "whsec_!!", "whsec_é", "whsec_c2hvcnQ=", SECRET[6:]]
)
def test_what_is_no_key_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"^must be whsec_"):
        signing.key_of(secret)


def test_a_new_secret_is_one() -> None:
    assert len(signing.key_of(signing.new_secret())) == 32
    assert signing.new_secret() != signing.new_secret()


def test_a_replaced_secret_signs_for_a_day() -> None:
    target = AlertTarget(kind="webhook")
    target.secret = old = signing.new_secret()
    assert target.keys() == [old]
    target.secret = new = signing.new_secret()
    assert target.keys() == [new, old]
    target.rotated_at = timezone.now() - timedelta(hours=25)
    assert target.keys() == [new]


def test_a_secret_is_not_readable_in_the_database() -> None:
    target = AlertTarget(kind="webhook")
    target.secret = secret = signing.new_secret()
    assert secret not in str(vars(target))
    assert target.secret == secret
