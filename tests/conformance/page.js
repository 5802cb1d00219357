// What a page with pusher-js heard, for whoever looks at it.
window.heard = [];
window.listen = (key, port, channel) => {
  const pusher = new Pusher(key, {
    cluster: "", wsHost: location.hostname, wsPort: port, forceTLS: false, enabledTransports: ["ws"],
    channelAuthorization: { endpoint: "/broadcasting/auth", transport: "ajax" },
  });
  pusher.connection.bind("state_change", ({ current }) => heard.push(["state", current]));
  pusher.subscribe(channel).bind_global((event, data) => heard.push([event, data]));
};
