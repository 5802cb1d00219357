"""V2 Validation and business logic."""

from __future__ import annotations

from uuid import uuid4

from pulse.desk.tries import GUESSER
from tests.conftest import Pulse
from tests.world import Desk, a_name, is_problem, vera_writes


async def test_v2_2_1_fields_are_what_they_must_be_or_refused(shared: Pulse, desk: Desk) -> None:
    """Every field has a type and limits; a wrong one is named, and nothing is stored."""
    chat = await vera_writes(shared, a_name())
    before = await shared.house.log.last_position()
    for wrong in ({"text": 5}, {"text": "x" * 32_001}, {"text": "a\x00b"}, {"text": "Hi", "more": 1}):
        answer = await desk.post("anna", f"/api/chats/{chat}/messages", wrong)
        assert is_problem(answer, 422, "invalid")["errors"]
    assert await shared.house.log.last_position() == before


async def test_v2_3_3_what_belongs_together_is_done_whole_or_not_at_all(shared: Pulse, desk: Desk) -> None:
    """Joining a customer with nobody leaves neither half of a join."""
    await vera_writes(shared, a_name())
    customer = (await desk.items("admin", "/api/customers"))[0]["id"]
    before = await shared.house.log.last_position()
    is_problem(await desk.post("admin", f"/api/customers/{customer}/join", {"with": str(uuid4())}), 404, "not-found")
    assert await shared.house.log.last_position() == before


async def test_v2_4_1_nobody_calls_without_end(shared: Pulse) -> None:
    """Limits per account, person, visitor and address; they tell themselves before they are met."""
    email = f"{a_name()}@pulse.example"
    answers = [
        await shared.http.post("/api/users/login", json={"email": email, "password": "guess"})
        for _ in range(GUESSER.free + 1)
    ]
    assert {answer.status_code for answer in answers[:-1]} == {401}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "ratelimit" in answers[0].headers
