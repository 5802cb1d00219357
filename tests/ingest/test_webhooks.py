"""Webhooks over HTTP, against real servers."""

from tests.conftest import Pulse


async def test_a_simulator_message_is_in_the_log_before_its_answer(pulse: Pulse) -> None:
    body = {"from": "vera", "message": "Hello", "type": "text", "message_id": "m1", "timestamp": 1795165200}
    before = await pulse.house.log.last_position()
    answer = await pulse.http.post(pulse.webhook("simulator"), json=body)
    assert answer.status_code == 200
    assert await pulse.house.log.last_position() == before + 3
