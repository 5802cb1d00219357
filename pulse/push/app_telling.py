"""Tells this process' sockets what holders of the app's secret publish, and closes those of whom they send away."""

from __future__ import annotations

from pulse.push.app_events import AppEvent, Said, Terminate
from pulse.push.codes import Code
from pulse.push.encoding import wire_of
from pulse.push.hearers import Hearers


class AppTelling:
    """Moderators hear it only where access.py lets them be; whoever was let in by the app's secret hears all."""

    def __init__(self, hearers: Hearers) -> None:
        self.hearers = hearers
        self.hub = hearers.hub

    async def hear(self, said: Said) -> None:
        """One thing that was said to all push processes."""
        match said:
            case AppEvent():
                for channel in said.channels:
                    await self._tell(said, channel)
            case Terminate(user=user):
                for peer in list(self.hub.users.get(user, ())):
                    peer.dismiss(Code.SESSION_ENDED)

    async def _tell(self, said: AppEvent, channel: str) -> None:
        if channel not in self.hub.channels:
            return
        await self.hub.post.room()
        wire = wire_of({"event": said.event, "channel": channel, "data": said.data})
        hearers = [peer for peer in await self.hearers.on(channel) if peer.socket_id != said.socket_id]
        self.hub.post.send(hearers, wire)
