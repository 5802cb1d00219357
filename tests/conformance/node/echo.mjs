// An unmodified Laravel Echo: does what it is told, a JSON line each, and prints what it hears, a JSON line each.
import { createInterface } from "node:readline";
import Echo from "laravel-echo";
import Pusher from "pusher-js";

const tell = (event, data, channel) => process.stdout.write(JSON.stringify({ event, data, channel }) + "\n");
const echo = new Echo({
  broadcaster: "reverb", Pusher, forceTLS: false, enabledTransports: ["ws"], ...JSON.parse(process.argv[2]),
});
const channels = {};
const telling = (event, name) => (data) => tell(event, data ?? null, name);
const enter = (name, channel) => {
  channels[name] = channel.subscribed(telling("subscribed", name)).error(telling("error", name));
  return channel;
};

const acts = {
  private: ({ channel }) => enter(channel, echo.private(channel)),
  encrypted: ({ channel }) => enter(channel, echo.encryptedPrivate(channel)),
  join: ({ channel }) => {
    const joined = enter(channel, echo.join(channel));
    for (const event of ["here", "joining", "leaving"]) joined[event](telling(event, channel));
  },
  leave: ({ channel }) => echo.leave(channel),
  listen: ({ channel, event }) => channels[channel].listen(event, telling(event, channel)),
  whisper: ({ channel, event, data }) => channels[channel].whisper(event, data),
  listenForWhisper: ({ channel, event }) => channels[channel].listenForWhisper(event, telling(event, channel)),
  notification: ({ channel }) => channels[channel].notification(telling("notification", channel)),
  signIn: () => echo.connector.signin(),
  listenAsUser: ({ event }) => echo.connector.pusher.user.bind(event, telling(event)),
};

const connection = echo.connector.pusher.connection;
connection.bind("connected", () => tell("connected", echo.socketId()));
connection.bind("error", ({ error }) => tell("connection error", String(error?.data?.message ?? error)));
connection.bind("message", ({ event, data }) => event === "pusher:signin_success" && tell("signed in", data));
createInterface({ input: process.stdin }).on("line", (line) => {
  const asked = JSON.parse(line);
  acts[asked.act](asked);
});
