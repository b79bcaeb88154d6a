"""One's own page: how pages look, keys, notifications, tokens, sign-ins, password."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents import preferences, presence, signin
from agents.models import Preference, RoleAssignment, SignIn
from oversight import devices, keymap
from oversight.cases import person
from oversight.views.access import PageRequest, back, see_other

THEMES = (
    ("light", "Light", "sun"),
    ("dark", "Dark", "moon"),
    ("system", "As the system", "monitor"),
)
DENSITIES = (("comfortable", "Comfortable"), ("compact", "Compact"))
MOST_TOKENS = 50
SWITCHES = ("shortcuts", "notify", "sound")
YEAR = 365 * 24 * 3600  # seconds


@require_GET
@login_required
def me(request: PageRequest) -> HttpResponse:
    return _page(request)


def _page(request: PageRequest, **more: Any) -> HttpResponse:
    user = request.user
    held = RoleAssignment.objects.filter(user=user).values_list("role", flat=True)
    context = {
        "name": person(user),
        "roles": sorted({*held, *(["admin"] if user.is_superuser else [])}),
        "themes": THEMES,
        "densities": DENSITIES,
        "wishes": preferences.of(user),
        "keys": keymap.KEYS,
        "tokens": signin.tokens_of(user),
        "sign_ins": [_sign_in(row, request) for row in presence.sign_ins(user)],
    }
    return render(request, "me.html", {**context, **more})


def _sign_in(row: SignIn, request: PageRequest) -> dict[str, Any]:
    own = row.pk == request.session.session_key
    shown = {"since": row.since, "seen": row.seen_at, "own": own}
    return {**shown, "mark": presence.mark(row.pk), "device": devices.words(row.device)}


@require_POST
@login_required
def theme(request: PageRequest) -> HttpResponse:
    """The cookie beside the preference is for the pages before one has signed in."""
    wanted = request.POST.get("theme", "")
    theme = wanted if wanted in Preference.Theme.values else Preference.Theme.SYSTEM
    preferences.keep(request.user, {"theme": theme})
    response = see_other(back(request, "/me/"))
    if theme == Preference.Theme.SYSTEM:
        response.delete_cookie("theme")
    else:
        secure = request.is_secure()
        response.set_cookie("theme", theme, YEAR, samesite="Lax", secure=secure, httponly=True)
    return response


@require_POST
@login_required
def wishes(request: PageRequest) -> HttpResponse:
    """Density and switches: a form sends the fields that it is about."""
    sent = request.POST
    changes: dict[str, object] = {
        name: sent[name] == "on" for name in SWITCHES if sent.get(name) in {"on", "off"}
    }
    if "density" in sent:
        changes["density"] = sent["density"]
    try:
        preferences.keep(request.user, changes)
    except ValidationError:
        return HttpResponse("There is no such choice.", status=400, content_type="text/plain")
    return see_other(back(request, "/me/"))


@require_POST
@login_required
def new_token(request: PageRequest) -> HttpResponse:
    """The one page that shows the token; it is kept nowhere, so not behind a redirect either."""
    if len(signin.tokens_of(request.user)) >= MOST_TOKENS:
        messages.error(request, f"You have {MOST_TOKENS} tokens. Revoke one that is not used.")
        return see_other("/me/#tokens")
    label = request.POST.get("label", "").strip()[:80]
    return _page(request, token=signin.issue_token(request.user, label))


@require_POST
@login_required
def revoke_token(request: PageRequest, pk: int) -> HttpResponse:
    if not signin.revoke_token(request.user, pk):
        raise Http404("There is no such token, or it is revoked already.")
    messages.success(request, "Revoked. Whatever used this token is refused from now on.")
    return see_other("/me/#tokens")


@require_POST
@login_required
def end_sign_in(request: PageRequest, mark: str) -> HttpResponse:
    if not presence.end(request.user, mark):
        raise Http404("This sign-in has ended already.")
    messages.success(request, "Signed out there.")
    return see_other("/me/#sign-ins")


@require_POST
@login_required
def end_others(request: PageRequest) -> HttpResponse:
    count = presence.end_others(request.user, request.session.session_key)
    messages.success(request, f"Signed out in {count} other {'place' if count == 1 else 'places'}.")
    return see_other("/me/#sign-ins")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def password(request: PageRequest) -> HttpResponse:
    """A new password; it signs out every other browser of the person."""
    form = _password_form(request.user, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "password.html", {"form": form}, status=status)
    update_session_auth_hash(request, form.save())
    presence.end_others(request.user, request.session.session_key)
    messages.success(request, "The password is changed. Other browsers are signed out.")
    return see_other("/me/")


def _password_form(user: User, data: Any) -> SetPasswordForm[User]:
    """Who came by the one-time link has no old password to say."""
    known = user.has_usable_password()
    return PasswordChangeForm(user, data) if known else SetPasswordForm(user, data)
