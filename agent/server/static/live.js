// The live connection: one WebSocket, opened again whenever it closes.

const LONGEST = 5000; // milliseconds between two tries

export class Live {
  // `take(message, payload)` gets every message; `changed(state, why)` what becomes of the connection.
  constructor(take, changed) {
    this.take = take;
    this.changed = changed;
    this.token = "";
    this.wait = 250;
    this.socket = null;
  }

  open(token) {
    this.token = token;
    this.wait = 250;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    if (this.socket) this.socket.onclose = null;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ui/live`, [
      "sensebind",
      `token.${this.token}`,
    ]);
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.wait = 250;
    };
    socket.onmessage = (event) => this.read(event.data);
    socket.onclose = (event) => {
      if (event.code === 4003 || event.code === 4008) {
        this.changed("refused", event.reason);
        return;
      }
      this.changed("closed", "");
      if (!opened) this.check();
      this.timer = setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(LONGEST, this.wait * 2);
    };
    this.socket = socket;
    this.changed("connecting", "");
  }

  // A refused token and a server that is away look alike to a WebSocket: ask which it is.
  async check() {
    try {
      const answer = await fetch("/ui/live", { headers: { authorization: `Bearer ${this.token}` } });
      if (answer.status === 401) {
        clearTimeout(this.timer);
        this.changed("refused", "This token is not valid any more: each start makes new ones.");
      }
    } catch {
      // it is away: it is tried again
    }
  }

  read(data) {
    if (typeof data === "string") {
      this.take(JSON.parse(data), null);
      return;
    }
    const length = new DataView(data).getUint32(0, true);
    const head = new TextDecoder().decode(new Uint8Array(data, 4, length));
    this.take(JSON.parse(head), new Uint8Array(data, 4 + length));
  }

  send(wish) {
    if (!this.socket || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(wish));
    return true;
  }
}
