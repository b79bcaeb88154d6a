"""The one-time sign-in link that ``manage.py up`` prints for the first admin."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents import signin
from oversight import proxies


@require_http_methods(["GET", "HEAD", "POST"])
def signin_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button and spends nothing: mail scanners and prefetching browsers open links."""
    if request.method != "POST":
        return render(request, "signin_link.html", {"token": token})
    try:
        user = signin.redeem(token, *proxies.way(request))
    except signin.LinkRefused as refusal:
        return render(request, "signin_link.html", {"problem": str(refusal)}, status=403)
    # login() gives the session a new key.
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("/")
