// An unmodified pusher-js: subscribes to the channels it is given and prints what it is told, a JSON line each.
// With a cursor it comes back as docs/api.md says; it disconnects and connects as it is told to, by lines.
const Pusher = require("pusher-js");
const readline = require("node:readline");
const asked = JSON.parse(process.argv[2]);
const { key, options, channels, signs } = asked;
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const pusher = new Pusher(key, { cluster: "", forceTLS: false, ...options });
pusher.connection.bind("error", (error) => tell({ event: "error", data: String(error && error.error) }));
pusher.connection.bind("state_change", ({ current }) => tell({ event: "state", data: current }));
if (asked.cursor) {
  let cursor = asked.cursor;
  pusher.connection.bind("connected", () => pusher.send_event("pulse:resume", { cursor }));
  pusher.bind("pulse:cursor", (told) => {
    cursor = told.cursor;
    tell({ event: "pulse:cursor", data: told });
  });
}
if (signs) pusher.signin();
for (const name of channels) {
  pusher.subscribe(name).bind_global((event, data) => tell({ channel: name, event, data }));
}
readline.createInterface({ input: process.stdin }).on("line", (line) => pusher[JSON.parse(line).act]());
