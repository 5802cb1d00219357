"""The moderators' door: sign in, the chat list, threads and commands."""
