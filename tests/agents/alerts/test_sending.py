"""E-mail, Apprise and webhooks: what goes out, and where nothing goes."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from agents.alerts import webhook as transport
from agents.alerts.sending import Parcel, Sent, send
from agents.alerts.signing import new_secret
from agents.models import AlertTarget, Delivery
from tests.agents.alerts.post import deliver, fail, failed, receiver, webhook
from tests.agents.alerts.receiver import handler
from tests.agents.desk import Desk

db = pytest.mark.django_db(transaction=True)


class Mailbox(socketserver.StreamRequestHandler):
    """As much SMTP as a client needs to hand over a message."""

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines))  # type: ignore[attr-defined]  # made below
            self._say("221 bye" if verb == b"QUIT" else "250 fine")
            if verb == b"QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server(settings: Any) -> Iterator[list[bytes]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox) as server:
        server.daemon_threads = True
        mails: list[bytes] = []
        server.mails = mails  # type: ignore[attr-defined]  # its handlers write there
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.server_address[1]
        yield mails
        server.shutdown()


def parcel(kind: str, address: str = "", keys: list[str] | None = None, **told: Any) -> Parcel:
    given: dict[str, Any] = {
        "message_id": "msg_1",
        "type": "session.failed",
        "at": "2026-05-04T12:00:00.000000Z",
        "text": "It failed.",
        "url": "http://127.0.0.1:8000/sessions/",
        "data": {},
    }
    return Parcel(kind=kind, address=address, keys=keys or [], **given | told)


def mailed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@db
def test_an_e_mail_says_it_in_a_sentence_with_a_link(settings: Any) -> None:
    AlertTarget.objects.create(name="mail", kind="email", address="ann@x.test, olu@x.test")
    failed()
    with mail_server(settings) as mails:
        (delivery,) = deliver()
    assert delivery.state == "delivered", delivery.last_error
    message = mailed(mails[0])
    assert message["Subject"].strip() == "[Oversight] “t” of assistant failed: internal."
    assert message["To"] == "ann@x.test, olu@x.test"
    assert message["Message-ID"] == f"<{delivery.alert.message_id}@127.0.0.1>"
    assert message.get_content_type() == "text/plain"
    text = message.get_content()
    assert "http://127.0.0.1:8000/sessions/" in text
    assert delivery.alert.message_id in text


@db
def test_no_name_adds_a_header_or_a_recipient(settings: Any) -> None:
    AlertTarget.objects.create(name="mail", kind="email", address="ann@x.test")
    desk = Desk(agent="a\nBcc: eve@x.test")
    desk.row.title = "t\r\nBcc: eve@x.test"
    desk.row.save(update_fields=["title"])
    fail(desk)
    with mail_server(settings) as mails:
        deliver()
    message = mailed(mails[0])
    assert message["Bcc"] is None
    assert message["To"] == "ann@x.test"


def test_without_a_mail_server_the_log_says_what_to_set(settings: Any) -> None:
    settings.EMAIL_HOST = ""
    assert send(parcel("email", "a@x.test")).problem == "No mail server is known; set EMAIL_HOST."


def test_a_mail_server_that_is_down_is_a_sentence(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert "Nobody listens" in send(parcel("email", "a@x.test")).problem


@db
def test_an_apprise_url_takes_it(tmp_path: Path) -> None:
    one = receiver(tmp_path)
    target = AlertTarget(name="chat", kind="apprise")
    target.secret = f"json://127.0.0.1:{one.port}/token-123456"
    target.save()
    failed()
    with one.open():
        (delivery,) = deliver()
    assert delivery.state == "delivered", delivery.last_error
    told = json.loads(one.taken()[0]["body"])["message"]
    assert told.startswith("“t” of assistant failed: internal.")
    assert "http://127.0.0.1:8000/sessions/" in told
    assert delivery.alert.message_id in told


@pytest.mark.parametrize("status", [302, 403])
def test_an_apprise_service_that_refuses_is_tried_again(
    status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = receiver(tmp_path, status)
    with one.open():
        sent = send(parcel("apprise", keys=[f"json://127.0.0.1:{one.port}/token-123456"]))
    assert str(status) in sent.problem
    assert len(one.taken()) == 1
    assert "token-123456" not in sent.problem + caplog.text + repr(parcel("apprise", keys=["s3c"]))


def test_a_secret_in_a_services_complaint_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    def complain(*_: object, **__: object) -> None:
        raise RuntimeError("cannot reach tgram://123456:abcdefgh/99 with abcdefgh")

    monkeypatch.setattr("apprise.Apprise.notify", complain)
    problem = send(parcel("apprise", keys=["tgram://123456789:abcdefgh/99"])).problem
    assert "RuntimeError" in problem
    assert "abcdefgh" not in problem


NEIGHBOURS = [
    "169.254.169.254",
    "224.0.0.1",
    "[ff02::1]",
    "0.0.0.0",
    "[::]",
    "[fe80::1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "2852039166",
]


@pytest.mark.parametrize("host", NEIGHBOURS)
def test_neighbours_that_hand_out_credentials_never_receive(host: str) -> None:
    sent = send(parcel("webhook", f"http://{host}:80/", [new_secret()]))
    assert "where no alert is sent" in sent.problem
    if host.startswith("["):
        return
    apprise = send(parcel("apprise", keys=[f"json://{host}:80/"]))
    assert "where no alert is sent" in apprise.problem


@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "ntfy://releases",
    ],
)
def test_the_token_of_a_service_is_no_host(
    url: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OVERSIGHT_ALERTS_PUBLIC_ONLY = True

    def unknown(host: str, port: int) -> list[str]:
        assert host == "releases", "a name server hears of a token"
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(transport, "check", unknown)
    monkeypatch.setattr("apprise.Apprise.notify", lambda *_, **__: True)
    assert send(parcel("apprise", keys=[url])) == Sent()


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "192.168.1.1"])
def test_private_addresses_are_refused_where_that_is_asked_for(host: str, settings: Any) -> None:
    settings.OVERSIGHT_ALERTS_PUBLIC_ONLY = True
    sent = send(parcel("webhook", f"http://{host}:80/", [new_secret()]))
    assert "OVERSIGHT_ALERTS_PUBLIC_ONLY" in sent.problem
    apprise = send(parcel("apprise", keys=[f"json://{host}:80/"]))
    assert "OVERSIGHT_ALERTS_PUBLIC_ONLY" in apprise.problem


@contextmanager
def dripping(start: bytes) -> Iterator[int]:
    """A receiver that never comes to the end of its answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(start)
                while not over.wait(0.05):
                    try:
                        peer.sendall(b"H")
                    except OSError:
                        return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        over.set()


@pytest.mark.parametrize(
    ("scheme", "start"), [("http", b"HTTP/1.1 "), ("https", b"\x16\x03\x03\x3f\xff")]
)
def test_an_answer_that_never_ends_is_cut_off(
    scheme: str, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "DEADLINE", 0.3)
    with dripping(start) as port:
        assert send(parcel("webhook", f"{scheme}://127.0.0.1:{port}/", [new_secret()])).problem


def certificate(folder: Path) -> Path:
    """A certificate for localhost that nobody has signed, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = timezone.now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / "certificate.pem"
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, *private))
    return file


def test_a_receiver_is_known_by_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    taken = tmp_path / "taken"
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(taken, 200))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setattr(server, "handle_error", lambda *_: None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    given = parcel("webhook", f"https://localhost:{server.server_address[1]}/", [new_secret()])
    assert "certificate is not valid" in send(given).problem
    assert not taken.exists()
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert send(given).status == 200
    assert taken.exists()
    server.shutdown()
    server.server_close()


@db
def test_what_failed_is_logged_without_the_body_or_the_secret() -> None:
    target = webhook("http://127.0.0.1:9/")
    failed()
    deliver()
    said = Delivery.objects.get().last_error
    assert target.secret not in said
    assert said
