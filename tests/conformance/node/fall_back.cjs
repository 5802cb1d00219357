// An unmodified pusher-js that may use one transport only: subscribes, prints what it is told, says what it is told to say.
const Pusher = require("pusher-js");
const { key, host, port, endpoint, authorization, channels, transport } = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const pusher = new Pusher(key, {
  cluster: "", httpHost: host, httpPort: port, forceTLS: false, enabledTransports: [transport],
  channelAuthorization: { endpoint, transport: "ajax", headers: { Authorization: authorization } },
});
pusher.connection.bind("error", (error) => tell({ event: "error", error: JSON.stringify(error) }));
pusher.connection.bind("state_change", ({ current }) => tell({ event: current }));
for (const name of channels) {
  pusher.subscribe(name).bind_global((event, data) => tell({ channel: name, event, data }));
}
