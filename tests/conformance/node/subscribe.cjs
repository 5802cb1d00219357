// An unmodified pusher-js: subscribes to the channels it is given and prints what it is told, a JSON line each.
const Pusher = require("pusher-js");
const { key, options, channels } = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const pusher = new Pusher(key, { cluster: "", forceTLS: false, ...options });
pusher.connection.bind("error", (error) => tell({ event: "error", data: String(error && error.error) }));
pusher.connection.bind("state_change", ({ current }) => tell({ event: "state", data: current }));
for (const name of channels) {
  pusher.subscribe(name).bind_global((event, data) => tell({ channel: name, event, data }));
}
