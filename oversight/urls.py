"""Addresses."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import path, re_path

from oversight.api import api
from oversight.api.errors import no_such_address
from oversight.views import (
    approvals,
    artifacts,
    comparing,
    deciding,
    forking,
    insights,
    me,
    people,
    questions,
    replay,
    sessions,
    sheets,
    steering,
    tour,
)
from oversight.views.signin_link import signin_link

SESSION = "sessions/<uuid:uuid>/"
APPROVAL = "approvals/<uuid:uuid>/"
signin = LoginView.as_view(template_name="signin.html", authentication_form=people.SignIn)

urlpatterns = [
    path("", people.home, name="home"),
    path("signin/", signin, name="signin"),
    path("signin/link/<str:token>/", signin_link, name="signin_link"),
    path("signout/", people.signout, name="signout"),
    path("bell/", people.bell, name="bell"),
    path("keys/", people.keys, name="keys"),
    path("me/", me.me, name="me"),
    path("me/theme/", me.theme, name="theme"),
    path("me/wishes/", me.wishes, name="wishes"),
    path("me/password/", me.password, name="password"),
    path("me/tokens/", me.new_token, name="new_token"),
    path("me/tokens/<int:pk>/revoke/", me.revoke_token, name="revoke_token"),
    path("me/sign-ins/end-others/", me.end_others, name="end_others"),
    path("me/sign-ins/<slug:mark>/end/", me.end_sign_in, name="end_sign_in"),
    path("sessions/", sessions.wall, name="sessions"),
    path("sessions/new/", steering.new, name="new_session"),
    path("sessions/new/tools/", steering.tools, name="new_session_tools"),
    path("sessions/stop-all/", steering.stop_all, name="stop_all"),
    path("sessions/stop-all/confirm/", steering.confirm_stop_all, name="confirm_stop_all"),
    path("sessions/tour/", tour.take, name="tour"),
    path("sessions/tour/put-away/", tour.put_away, name="tour_put_away"),
    path(SESSION, sessions.live, name="session"),
    path(f"{SESSION}pin/", sessions.pin, name="pin"),
    path(f"{SESSION}steps/", sessions.steps, name="session_steps"),
    path(f"{SESSION}steps/<int:step>/", sessions.step_rows, name="session_step"),
    path(f"{SESSION}pending/", sessions.pending, name="session_pending"),
    path(f"{SESSION}events/<int:seq>/", sessions.event, name="event"),
    path(f"{SESSION}artifacts/<slug:key>/", artifacts.artifact, name="artifact"),
    path(f"{SESSION}replay/", replay.replay, name="replay"),
    path(f"{SESSION}export/", replay.export, name="export"),
    path(f"{SESSION}moment/", replay.moment, name="moment"),
    path(f"{SESSION}compare/", comparing.choose, name="compare_choose"),
    path(f"{SESSION}compare/<uuid:other>/", comparing.compare, name="compare"),
    path(f"{SESSION}fork/", forking.fork, name="fork"),
    path(f"{SESSION}confirm/", steering.confirm, name="confirm_session"),
    path(f"{SESSION}pause/", steering.pause, name="pause"),
    path(f"{SESSION}resume/", steering.resume, name="resume"),
    path(f"{SESSION}stop/", steering.stop, name="stop"),
    path(f"{SESSION}kill/", steering.kill, name="kill"),
    path(f"{SESSION}message/", steering.message, name="message"),
    path(f"{SESSION}limits/", questions.limits, name="limits"),
    path(f"{SESSION}wrap-up/", questions.wrap_up, name="wrap_up"),
    path(f"{SESSION}lift-block/", questions.lift_block, name="lift_block"),
    path("approvals/", approvals.inbox, name="approvals"),
    path(APPROVAL, approvals.item, name="approval"),
    path(f"{APPROVAL}confirm/", sheets.confirm, name="confirm_approval"),
    path(f"{APPROVAL}preview/", sheets.preview, name="preview_edit"),
    path(f"{APPROVAL}looking/", approvals.looking, name="looking"),
    path(f"{APPROVAL}approve/", deciding.approve, name="approve"),
    path(f"{APPROVAL}deny/", deciding.deny, name="deny"),
    path(f"{APPROVAL}answer/", deciding.answer, name="answer"),
    path(f"{APPROVAL}grant/", deciding.grant, name="grant"),
    path(f"{APPROVAL}withdraw/", deciding.withdraw, name="withdraw"),
    path("approvals/bulk/", deciding.bulk, name="bulk"),
    path("approvals/undo/", deciding.undo, name="undo"),
    path("approvals/grants/", approvals.grants, name="grants"),
    path("approvals/grants/<uuid:uuid>/revoke/", deciding.revoke, name="revoke_grant"),
    path("approvals/outcomes/<uuid:uuid>/", approvals.outcome, name="outcome"),
    path("approvals/outcomes/<uuid:uuid>/settle/", approvals.settle, name="settle"),
    path("insights/", insights.insights, name="insights"),
    path("insights/anomalies/", insights.anomalies, name="anomalies"),
    path("insights/anomalies/<int:anomaly>/set-aside/", insights.set_aside, name="set_aside"),
    path("insights/<slug:name>.csv", insights.table, name="insights_table"),
    path("history/", sessions.history, name="history"),
    path("api/v1/", api.urls),
    re_path("^api/", no_such_address),
    path("admin/", admin.site.urls),
]
