"""There is always an admin left."""

from pulse.aggregates.admins import AdminLeft, AdminReturned, Admins, LastAdmin
from tests.given import ANNA, BORIS, NOW, given


def admins() -> Admins:
    return Admins.begin(now=NOW)


def test_an_admin_may_go_while_another_stays():
    given(admins()).when(lambda a: a.leave(ANNA, known={ANNA, BORIS}, now=NOW)).then(AdminLeft).now(gone={ANNA})


def test_the_last_admin_stays():
    given(admins()).when(lambda a: a.leave(ANNA, known={ANNA}, now=NOW)).then_refused(LastAdmin)


def test_who_has_gone_counts_no_more_whatever_was_heard():
    left = given(admins(), lambda a: a.leave(BORIS, known={ANNA, BORIS}, now=NOW))
    left.when(lambda a: a.leave(ANNA, known={ANNA, BORIS}, now=NOW)).then_refused(LastAdmin)


def test_who_returned_counts_again():
    left = given(admins(), lambda a: a.leave(BORIS, known={ANNA, BORIS}, now=NOW))
    left.when(lambda a: a.come_back(BORIS, now=NOW)).then(AdminReturned).now(gone=set())
    left.when(lambda a: a.come_back(BORIS, now=NOW)).then_nothing()
    left.when(lambda a: a.leave(ANNA, known={ANNA, BORIS}, now=NOW)).then(AdminLeft)
