"""The channels Pulse speaks, by name."""

from pulse.channels import Channel
from pulse.channels.simulator import Simulator
from pulse.channels.telegram import Telegram
from pulse.channels.vk import Vk
from pulse.channels.web import Web

CHANNELS: dict[str, type[Channel]] = {channel.name: channel for channel in (Telegram, Vk, Simulator, Web)}
