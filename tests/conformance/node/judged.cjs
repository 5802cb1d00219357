// The suite's accounts at Pusher are one app here, at an address of its own.
const Pusher = require("core/pusher.js");
const { key, options } = JUDGED;

module.exports = class extends Pusher {
  constructor(_, asked) {
    super(key, { ...asked, ...options });
  }
};
