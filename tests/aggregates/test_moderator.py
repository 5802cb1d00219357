"""The rules of moderators and departments."""

from uuid import UUID

import pytest

from pulse.aggregates.department import (
    Department,
    DepartmentArchived,
    DepartmentRenamed,
    DepartmentRestored,
    NotADepartment,
    department_id,
)
from pulse.aggregates.moderator import (
    Moderator,
    ModeratorCameBack,
    ModeratorDisabled,
    ModeratorEnabled,
    ModeratorLinkMade,
    ModeratorProfileChanged,
    ModeratorRoleChanged,
    ModeratorWentAway,
    NotAName,
    NotAnEmail,
    NotAnInvitation,
    PersonIsDisabled,
    UnknownLocale,
    UnknownRole,
    clean_email,
    moderator_id,
)
from pulse.aggregates.moderator_sign_in import ModeratorPasswordChanged
from tests.given import ANNA, NOW, SALES, SUPPORT, given


def anna(email: str = "anna@example.org", role: str = "moderator") -> Moderator:
    return Moderator.invite(
        email=email, name="Anna", role=role, departments=(SALES,), password_hash="$argon2id$1", now=NOW
    )


def test_one_address_is_one_account_however_it_is_spelled():
    assert anna(" Anna@Example.ORG ").id == anna().id == moderator_id("anna@example.org") == ANNA
    assert anna(" Anna@Example.ORG ").email == "anna@example.org"


@pytest.mark.parametrize(
    "email",
    ["", "anna", "@b.c", "a@", "a@b@c", "a b@c.d", "a@.b", "a..b@c.d", "a@b.", "a\0@b.c", 250 * "a" + "@b.cd"],
)
def test_an_email_that_is_none_is_refused(email):
    with pytest.raises(NotAnEmail):
        anna(email)


def test_an_email_has_one_spelling():
    assert clean_email(" Zoe\u0308@Example.ORG ") == "zo\u00eb@example.org"
    assert moderator_id("zoe\u0308@example.org") == moderator_id("ZO\u00cb@example.org")


def test_a_person_has_a_name():
    with pytest.raises(NotAName):
        Moderator.invite(email="a@b.c", name=" ", role="admin", departments=(), password_hash="x", now=NOW)


@pytest.mark.parametrize("role", ["", "Admin", "root"])
def test_a_role_is_either_admin_or_moderator(role):
    with pytest.raises(UnknownRole):
        anna(role=role)
    given(anna()).when(lambda m: m.change_role(role, (SALES,), now=NOW)).then_refused(UnknownRole)


def test_a_role_changes_only_when_it_differs():
    moderator = given(anna())
    moderator.when(lambda m: m.change_role("moderator", (SALES,), now=NOW)).then_nothing()
    moderator.when(lambda m: m.change_role("moderator", (SALES, SUPPORT), now=NOW)).then(ModeratorRoleChanged)
    moderator.when(lambda m: m.change_role("admin", (SALES, SUPPORT), now=NOW)).then(ModeratorRoleChanged).now(
        role="admin", departments=(SALES, SUPPORT)
    )


def test_a_new_password_counts_always():
    given(anna()).when(lambda m: m.change_password("$argon2id$2", now=NOW)).then(ModeratorPasswordChanged).now(
        password_hash="$argon2id$2"
    )


def test_a_moderator_is_disabled_once():
    moderator = given(anna())
    moderator.when(lambda m: m.disable(now=NOW)).then(ModeratorDisabled).now(disabled=True)
    moderator.when(lambda m: m.disable(now=NOW)).then_nothing()


def test_the_same_department_can_not_be_made_twice():
    assert Department.create(" Sales ", now=NOW).id == Department.create("SALES", now=NOW).id == department_id("sales")


def test_a_department_is_renamed_and_keeps_its_id():
    department = given(Department.create("Sales", now=NOW))
    department.when(lambda d: d.rename("Sales", now=NOW)).then_nothing()
    department.when(lambda d: d.rename("Orders", now=NOW)).then(DepartmentRenamed).now(
        name="Orders", id=department_id("Sales")
    )


@pytest.mark.parametrize("name", ["", " ", "a\nb", 101 * "a"])
def test_a_department_has_a_name_of_one_line(name):
    with pytest.raises(NotADepartment):
        Department.create(name, now=NOW)


def test_who_is_away_comes_back_and_each_is_said_once():
    moderator = given(anna())
    moderator.when(lambda m: m.come_back(now=NOW)).then_nothing()
    moderator.when(lambda m: m.go_away(now=NOW)).then(ModeratorWentAway).now(away=True)
    moderator.when(lambda m: m.go_away(now=NOW)).then_nothing()
    moderator.when(lambda m: m.come_back(now=NOW)).then(ModeratorCameBack).now(away=False)


def test_people_say_their_name_and_language_themselves():
    moderator = given(anna())
    moderator.when(lambda m: m.change_profile(name="Anna", now=NOW)).then_nothing()
    moderator.when(lambda m: m.change_profile(locale="ru", now=NOW)).then(ModeratorProfileChanged).now(
        name="Anna", locale="ru"
    )
    moderator.when(lambda m: m.change_profile(name=" Anya ", now=NOW)).then(ModeratorProfileChanged).now(
        name="Anya", locale="ru"
    )
    moderator.when(lambda m: m.change_profile(name="Anya", locale="ru", now=NOW)).then_nothing()
    moderator.when(lambda m: m.change_profile(name=" ", now=NOW)).then_refused(NotAName)
    moderator.when(lambda m: m.change_profile(locale="de", now=NOW)).then_refused(UnknownLocale)


def test_a_name_is_changed_without_choosing_a_language():
    given(anna()).when(lambda m: m.change_profile(name="Anya", now=NOW)).then(ModeratorProfileChanged).now(locale="")


def test_a_disabled_person_is_enabled_once():
    moderator = given(anna(), lambda m: m.disable(now=NOW))
    moderator.when(lambda m: m.enable(now=NOW)).then(ModeratorEnabled).now(disabled=False)
    moderator.when(lambda m: m.enable(now=NOW)).then_nothing()
    assert not moderator.aggregate.holds(UUID(int=5), 1)  # what was signed in before is not signed in again


def test_somebody_joins_and_leaves_a_department_once():
    moderator = given(anna())
    moderator.when(lambda m: m.join(SALES, now=NOW)).then_nothing()
    moderator.when(lambda m: m.join(SUPPORT, now=NOW)).then(ModeratorRoleChanged).now(departments=(SALES, SUPPORT))
    moderator.when(lambda m: m.leave(SALES, now=NOW)).then(ModeratorRoleChanged).now(departments=(SUPPORT,))
    moderator.when(lambda m: m.leave(SALES, now=NOW)).then_nothing()


def test_a_link_sets_a_password_once():
    moderator = given(anna())
    link = moderator.when(lambda m: m.make_link(now=NOW)).then(ModeratorLinkMade).aggregate.version
    moderator.when(lambda m: m.accept(link, "$argon2id$2", now=NOW)).then(ModeratorPasswordChanged).now(
        password_hash="$argon2id$2", link=0
    )
    moderator.when(lambda m: m.accept(link, "x", now=NOW)).then_refused(NotAnInvitation)


def test_a_newer_link_takes_the_place_of_an_older_one():
    moderator = given(anna())
    old, new = (moderator.when(lambda m: m.make_link(now=NOW)).aggregate.version for _ in range(2))
    moderator.when(lambda m: m.accept(old, "x", now=NOW)).then_refused(NotAnInvitation)
    moderator.when(lambda m: m.accept(new, "x", now=NOW)).then(ModeratorPasswordChanged)


def test_whoever_has_no_link_or_is_disabled_sets_nothing_by_one():
    given(anna()).when(lambda m: m.accept(0, "x", now=NOW)).then_refused(NotAnInvitation)
    gone = given(anna(), lambda m: m.make_link(now=NOW), lambda m: m.disable(now=NOW))
    gone.when(lambda m: m.accept(2, "x", now=NOW)).then_refused(NotAnInvitation)
    gone.when(lambda m: m.make_link(now=NOW)).then_refused(PersonIsDisabled)
    gone.when(lambda m: m.enable(now=NOW)).then(ModeratorEnabled)
    gone.when(lambda m: m.accept(2, "x", now=NOW)).then_refused(NotAnInvitation)


def test_a_password_of_ones_own_ends_a_link():
    moderator = given(anna(), lambda m: m.make_link(now=NOW), lambda m: m.change_password("x", now=NOW))
    moderator.when(lambda m: m.accept(2, "y", now=NOW)).then_refused(NotAnInvitation)


def test_a_department_is_archived_and_restored_once():
    department = given(Department.create("Sales", now=NOW))
    department.when(lambda d: d.restore(now=NOW)).then_nothing()
    department.when(lambda d: d.archive(now=NOW)).then(DepartmentArchived).now(archived=True)
    department.when(lambda d: d.archive(now=NOW)).then_nothing()
    department.when(lambda d: d.restore(now=NOW)).then(DepartmentRestored).now(archived=False)


def test_a_department_keeps_a_name_of_one_line():
    given(Department.create("Sales", now=NOW)).when(lambda d: d.rename("a\nb", now=NOW)).then_refused(NotADepartment)
