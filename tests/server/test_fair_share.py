"""Whose job runs next."""

from running import a_request

from headroom.server.fair_share import HALF_LIFE_SECONDS, FairShare
from headroom.server.jobs import Job


def jobs(*names):
    """Return new jobs of users; "anna!" asks for a high priority, "anna?" for a low one."""
    priorities = {"!": "high", "?": "low"}
    return [Job.of(a_request(priority=priorities.get(name[-1], "normal")), name.rstrip("!?")) for name in names]


def run_all(waiting, share, seconds=lambda job: 60.0):
    """Run the jobs one after the other; return their numbers in the order in which they ran."""
    order, left = [], list(waiting)
    while job := share.choose(left, []):
        left.remove(job)
        order.append(waiting.index(job))
        share.add(job.user, seconds(job))
    return order


def test_one_users_jobs_run_in_the_order_of_their_requests_but_urgent_ones_first():
    assert run_all(jobs("anna", "anna?", "anna!", "anna"), FairShare()) == [2, 0, 3, 1]


def test_users_take_turns_whatever_they_queue_and_however_urgent():
    assert run_all(jobs("anna!", "anna!", "anna!", "ben", "ben?", "cleo"), FairShare()) == [0, 3, 5, 1, 4, 2]


def test_a_user_of_long_jobs_gets_fewer_of_them():
    waiting = jobs(*["anna"] * 6, *["ben"] * 6)
    order = run_all(waiting, FairShare(), lambda job: 300.0 if job.user == "anna" else 60.0)
    assert [waiting[number].user for number in order][:7] == ["anna", *["ben"] * 5, "anna"]


def test_a_user_without_running_jobs_comes_first():
    anna, ben = jobs("anna", "ben")
    share = FairShare()
    share.add("ben", 1e6)
    assert share.choose([anna, ben], []) == anna
    assert share.choose([anna, ben], jobs("anna")) == ben
    assert share.choose([], jobs("anna")) is None


def test_what_was_used_long_ago_is_forgotten():
    now = [0.0]
    share = FairShare(clock=lambda: now[0])
    anna, ben = jobs("anna", "ben")
    share.add("anna", 1000.0)
    now[0] = HALF_LIFE_SECONDS * 2
    share.add("ben", 300.0)
    assert share.choose([ben, anna], []) == anna
