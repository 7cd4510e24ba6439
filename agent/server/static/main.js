// Puts the page together: messages go to the parts that show them, wishes to the robot.

import { Live } from "./live.js";
import { Memory, Watches } from "./memory.js";
import { Camera, Scan, Sound, older } from "./senses.js";
import { Approvals, Talk, element } from "./talk.js";

const $ = (id) => document.getElementById(id);
const camera = new Camera($("camera"), $("camera-none"), $("camera-caption"), $("boxes"));
const sound = new Sound($("sound"), $("spectrum"), $("level"), $("level-text"), $("sound-caption"));
const scan = new Scan($("scan"), $("scan-none"), $("scan-caption"));
const talk = new Talk($("log"), wish);
const approvals = new Approvals($("approvals"), $("requests"), (thread, decisions) =>
  wish({ type: "decide", thread, decisions }),
);
const memory = new Memory(
  Object.fromEntries(["what", "sense", "when", "from", "until", "like"].map((id) => [id, $(`remember-${id}`)])),
  $("remember-state"),
  $("found"),
  wish,
);
const watches = new Watches($("watches"), $("alerts"), wish, (text) => talk.note(text));
const own = new Map(); // a stream's name on the bus to the one in the robot's file
let [operator, pending, firstCamera, firstScan, firstSound] = [false, {}, "", "", ""];

// --- connection ---------------------------------------------------------------------------------

const live = new Live(take, (state, why) => {
  const pill = $("link");
  pill.className = "pill off";
  pill.textContent = state === "connecting" ? "connecting" : "not connected";
  if (state === "refused") ask(why);
});

function take(message, payload) {
  switch (message.type) {
    case "hello": return hello(message);
    case "camera": if (message.stream === firstCamera) camera.show(message, payload); return;
    case "sound": if (message.stream === firstSound) sound.show(message, payload); return;
    case "scan": if (message.stream === firstScan) scan.show(message); return;
    case "detections": return camera.detected(message);
    case "pose": return scan.moved(message.pose);
    case "streams": return streams(message.rows);
    case "event": return talk.happened(message);
    case "pending": pending = message.pending; return approvals.show(pending, operator);
    case "found": return memory.found(message);
    case "frame": return memory.frame(message, payload);
    case "watching": return watches.show(message, operator);
    case "explained": return talk.explained(message);
    case "devices": return devices(message.states);
    case "forgotten": return forgotten(message.turns);
    case "dropped": $("dropped").textContent = message.count; return;
    case "error": approvals.again(); approvals.show(pending, operator); return notice(message.text);
  }
}

function hello(message) {
  operator = message.role === "operator";
  $("robot").textContent = message.robot;
  document.title = `${message.robot} – SenseBind`;
  $("who").textContent = operator ? `${message.operator}, operator` : "viewer: may look and stop";
  $("link").className = "pill on";
  $("link").textContent = "connected";
  for (const id of ["say", "watch-what", "watch-sense"]) $(id).disabled = !operator;
  for (const id of ["ask", "watch"]) $(id).querySelector("button").disabled = !operator;
  $("say").placeholder = operator ? "Say something" : "Viewers may look, and stop";
  const first = (modality) => message.streams.find((one) => one.modality === modality)?.stream ?? "";
  [firstCamera, firstSound, firstScan] = ["vision", "audio", "point"].map(first);
  for (const one of message.streams) own.set(one.stream, one.name);
  scan.fence = message.fence;
  scan.path = message.path;
  talk.begin(message.turns);
  pending = message.pending;
  approvals.again();
  approvals.show(pending, operator);
  $("past").hidden = !message.memory;
  for (const id of ["remember-sense", "watch-sense"]) {
    const any = $(id).firstElementChild;
    $(id).replaceChildren(any, ...message.senses.map((sense) => new Option(sense, sense)));
  }
  devices(message.devices);
  if (message.watching) watches.show(message.watching, operator);
  $("dropped").textContent = 0;
}

function devices(states) {
  $("home").hidden = !Object.keys(states).length;
  $("devices").replaceChildren(
    ...Object.entries(states).map(([name, state]) => {
      const one = element("div");
      one.append(element("dt", "", name), element("dd", "", state));
      return one;
    }),
  );
}

// What the robot has forgotten leaves the page, too.
function forgotten(turns) {
  talk.begin(turns);
  memory.forgotten();
  sound.clear();
  scan.path = [];
  scan.draw();
}

function wish(what) {
  if (!live.send(what)) notice("Not connected to the robot: nothing was sent.");
}

let clearing;
function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = false;
  clearTimeout(clearing);
  clearing = setTimeout(() => ($("notice").hidden = true), 6000);
}

function ask(why) {
  if (why) $("enter-why").textContent = why;
  if (!$("enter").open) $("enter").showModal();
}
$("enter").addEventListener("cancel", (event) => event.preventDefault());
$("enter").addEventListener("close", () => begin($("token").value.trim()));

function begin(token) {
  sessionStorage.setItem("token", token);
  live.open(token);
}

setInterval(older, 500);

// --- streams ------------------------------------------------------------------------------------

function streams(rows) {
  const body = $("streams");
  for (const row of rows) {
    let line = body.querySelector(`[data-stream="${CSS.escape(row.stream)}"]`);
    if (!line) {
      line = document.createElement("tr");
      line.dataset.stream = row.stream;
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = row.stream;
      line.append(head);
      for (let i = 0; i < 6; i++) line.append(document.createElement("td"));
      const button = document.createElement("button");
      button.type = "button";
      button.onclick = () =>
        wish({ type: "pause", stream: own.get(row.stream), paused: line.dataset.state !== "paused" });
      line.lastElementChild.append(button);
      body.append(line);
    }
    line.dataset.state = row.state;
    const [, state, rate, age, drops, restarts, pause] = line.children;
    state.textContent = row.state;
    state.className = `state-${row.state}`;
    state.title = row.detail;
    rate.textContent = `${row.rate.toFixed(1)} Hz`;
    age.textContent = row.age_ms === null ? "–" : `${row.age_ms} ms`;
    drops.textContent = row.drops;
    drops.title = `${row.dropped} skipped by the worker, ${row.lost} lost, ${row.superseded} replaced by newer ones`;
    restarts.textContent = row.restarts;
    const button = pause.firstElementChild;
    const paused = row.state === "paused";
    button.textContent = paused ? "Resume" : "Pause";
    button.setAttribute("aria-label", `${button.textContent} ${row.stream}`);
    button.disabled = !operator || !own.has(row.stream);
    if (paused && row.stream === firstCamera) camera.clear();
    if (paused && row.stream === firstScan) scan.clear();
  }
}

// --- people -------------------------------------------------------------------------------------

function stop() {
  wish({ type: "stop" });
  $("stop").classList.add("done");
  setTimeout(() => $("stop").classList.remove("done"), 1000);
}
$("stop").onclick = stop;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !$("enter").open) {
    event.preventDefault();
    stop();
  }
});
$("ask").onsubmit = (event) => {
  event.preventDefault();
  const text = $("say").value.trim();
  if (!text) return;
  if (live.send({ type: "say", text })) $("say").value = "";
  else notice("Not connected to the robot: nothing was sent.");
};
$("say").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("remember").onsubmit = (event) => {
  event.preventDefault();
  memory.search();
};
$("remember-clear").onclick = () => {
  $("remember").reset();
  between();
  memory.reset();
};
function between() {
  const shown = $("remember-when").value === "between";
  for (const one of document.querySelectorAll("[data-between]")) one.hidden = !shown;
}
$("remember-when").onchange = between;
$("watch").onsubmit = (event) => {
  event.preventDefault();
  const what = $("watch-what").value.trim();
  if (!what) return;
  const wanted = { type: "watch", what, sense: $("watch-sense").value };
  if (live.send(wanted)) $("watch-what").value = "";
  else notice("Not connected to the robot: nothing was sent.");
};
$("boxes").onchange = () => camera.draw();

function theme(next) {
  if (next) document.documentElement.dataset.theme = next;
  if (next) localStorage.setItem("theme", next);
}
$("theme").onclick = () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  theme(now === "dark" ? "light" : "dark");
};
theme(localStorage.getItem("theme"));

// The token comes after the # of the address, which is sent to nobody; then it is taken out of it.
const given = location.hash.slice(1);
if (given) history.replaceState(null, "", location.pathname);
const token = given || sessionStorage.getItem("token") || "";
if (token) begin(token);
else ask("");
addEventListener("hashchange", () => location.reload());
