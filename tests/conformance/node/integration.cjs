// The suite's own helpers, but for the address of the server that signs and publishes.
module.exports = { ...require("node/integration"), API_URL: JUDGED.api, API_EU_URL: JUDGED.api };
