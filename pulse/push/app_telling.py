"""Tells this process' sockets what holders of the app's secret publish, and closes those of whom they send away."""

from __future__ import annotations

from pulse.channel_rights import ChannelRights, nobody
from pulse.directory import Directory
from pulse.errors import PulseError
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import NEWER_HISTORY
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
            await self.hub.post.room()
            self.hub.post.send(hearers, wire_of({"event": said.event, "channel": channel, "data": said.data}))

    async def _hearers(self, channel: str) -> list[Peer]:
        if not any(self.hub.channels.get(channel, {}).values()):
            return list(self.hub.channels.get(channel, ()))
        try:
            may = await self.rights.of(channel)
        except (PulseError, AppendRefused, *NEWER_HISTORY):
            may = nobody
        return self.hub.hearers(channel, self.directory, may)
