"""Tells this process' sockets what holders of the app's secret publish, and closes those of whom they send away."""

from __future__ import annotations

from pulse.channel_rights import ChannelRights
from pulse.directory import Directory
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused
from pulse.push.app_events import AppEvent, Said, Terminate
from pulse.push.codes import Code
from pulse.push.encoding import wire_of
from pulse.push.hub import Hub
from pulse.push.peers import Peer


class AppTelling:
    """Moderators hear it only where access.py lets them be; whoever was let in by the app's secret hears all."""

    def __init__(self, hub: Hub, directory: Directory, rights: ChannelRights) -> None:
        self.hub = hub
        self.directory = directory
        self.rights = rights

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
        hearers = [peer for peer in await self._hearers(channel) if peer.socket_id != said.socket_id]
        if hearers:
            self.hub.post.send(hearers, wire_of({"event": said.event, "channel": channel, "data": said.data}))

    async def _hearers(self, channel: str) -> list[Peer]:
        here = self.hub.channels.get(channel, {})
        if not any(here.values()):
            return list(here)
        try:
            may = await self.rights.of(channel)
        except (LogDown, AppendRefused):
            return [peer for peer, person in here.items() if person is None]
        found = {who: self.directory.person(who) for who in here.values() if who is not None}
        allowed = {who for who, person in found.items() if person is not None and may(person)}
        return [peer for peer, who in here.items() if who is None or who in allowed]
