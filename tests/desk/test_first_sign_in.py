"""The first sign-in of an installation."""

import asyncio

from tests.conftest import Pulse
from tests.desk.test_sign_in import sign_in
from tests.world import is_problem


async def test_ten_people_may_be_the_first_to_sign_in(pulse: Pulse) -> None:
    """On a database where nobody ever signed in, and where an old cookie is only unknown."""
    is_problem(await pulse.http.get("/api/chats", headers={"Cookie": "pulse_session=old"}), 401, "not-authentic")
    answers = await asyncio.gather(*(sign_in(pulse) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
