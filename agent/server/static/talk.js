// The conversation, with everybody's turns, and the calls that wait for a decision.

const shown = (call) =>
  `${call.name ?? call.tool}(${Object.entries(call.arguments ?? {})
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(", ")})`;

export function element(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class Talk {
  constructor(log, wish) {
    this.log = log;
    this.wish = wish;
    this.asked = new Map(); // reference of a percept to where its explanation goes
    this.open = new Map(); // thread to the answer that is being written
    this.calls = new Map(); // thread to its newest call
  }

  add(node) {
    const below = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
    this.log.append(node);
    while (this.log.childElementCount > 500) this.log.firstElementChild.remove();
    if (below) this.log.scrollTop = this.log.scrollHeight;
    return node;
  }

  said(role, text, thread) {
    const node = element("div", `said ${role}`);
    if (thread && thread !== "default") node.append(element("span", "by", thread));
    node.append(element("span", "words", text));
    return this.add(node);
  }

  note(text, bad) {
    return this.add(element("p", bad ? "note bad" : "note", text));
  }

  call(call, result) {
    const node = element("div", call.failed ? "call failed" : "call");
    node.append(element("code", "", shown(call)));
    node.append(element("span", "result", result ? ` → ${result}` : " …"));
    return this.add(node);
  }

  // Turns that were taken before this page was opened.
  begin(turns) {
    this.log.replaceChildren();
    this.open.clear();
    for (const turn of turns) {
      this.said("user", turn.user);
      for (const call of turn.tool_calls ?? []) this.call(call, call.result);
      if (turn.assistant) this.said("robot", turn.assistant);
      this.why(turn.percepts ?? []);
    }
  }

  // What each sense had to say when an answer was given; how it came in is asked for when opened.
  why(percepts) {
    if (!percepts.length) return;
    const details = element("details", "why");
    details.append(element("summary", "", "Why"));
    const list = element("ul");
    for (const one of percepts) {
      const age = one.age_ms === null ? "" : `, ${Math.round(one.age_ms)} ms old`;
      const item = element("li", "", `${one.sense}: ${one.stream}, ${one.state}${age}`);
      if (one.state === "present") item.dataset.reference = one.reference;
      list.append(item);
    }
    details.append(list);
    details.ontoggle = () => {
      for (const item of list.querySelectorAll("[data-reference]")) {
        const all = this.asked.get(item.dataset.reference) ?? [];
        this.asked.set(item.dataset.reference, [...all, item]);
        this.wish({ type: "explain", reference: item.dataset.reference });
        delete item.dataset.reference; // once
      }
    };
    this.add(details);
  }

  explained({ reference, gone, neighbours, gate, added }) {
    const parts = [];
    if (gone) parts.push(gone);
    if (gate !== undefined && gate !== null) {
      parts.push(`its gate is open to ${gate.toFixed(2)}, and adds ${added.toFixed(2)} to a layer`);
    }
    if (neighbours?.length) {
      const near = neighbours.slice(0, 5).map(({ word, similarity, share }) =>
        `${word || "?"} ${similarity.toFixed(2)} (${Math.round(100 * share)} %)`);
      parts.push(`nearest images of the cache: ${near.join(", ")}`);
    }
    for (const item of this.asked.get(reference) ?? []) {
      for (const part of parts) item.append(element("p", "", part));
    }
    this.asked.delete(reference);
  }

  happened({ thread, kind, value }) {
    const below = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
    switch (kind) {
      case "asked":
        this.said("user", value.text + (value.media ? ` (+ ${value.media} media)` : ""), thread);
        this.open.delete(thread);
        break;
      case "text": {
        if (!this.open.has(thread)) this.open.set(thread, this.said("robot", "", thread));
        this.open.get(thread).querySelector(".words").textContent += value.text;
        break;
      }
      case "call":
        this.open.delete(thread);
        this.calls.set(thread, this.call(value, ""));
        break;
      case "called": {
        const node = this.calls.get(thread) ?? this.call(value, "");
        node.querySelector(".result").textContent = ` → ${value.result}`;
        node.classList.toggle("failed", value.failed);
        break;
      }
      case "approval":
        this.note("A call waits for a decision.");
        break;
      case "decided":
        for (const one of value) this.note(`${one.kind === "approve" ? "Approved" : one.kind === "edit" ? "Changed" : "Rejected"} by ${one.by || "a person"}.`);
        break;
      case "stopped":
        this.note(`Stopped: ${value.reason || "no reason given"}.`, true);
        for (const trouble of value.trouble ?? []) this.note(trouble, true);
        break;
      case "finished":
        if (value.record.assistant && !this.open.has(thread)) this.said("robot", value.record.assistant, thread);
        if (value.record.error) this.note(value.record.error, true);
        else if (value.record.cancelled) this.note("This answer was cut off.");
        this.why(value.record.pending?.length ? [] : value.record.percepts ?? []);
        this.open.delete(thread);
        break;
      case "refused":
        this.note(value, true);
        break;
      case "disconnected":
        this.note("The robot is away.", true);
        break;
      case "connected":
        break;
    }
    if (below) this.log.scrollTop = this.log.scrollHeight;
  }
}

export class Approvals {
  constructor(section, list, decide) {
    Object.assign(this, { section, list, decide, key: "" });
  }

  show(pending, may) {
    const key = JSON.stringify([pending, may]);
    if (key === this.key) return; // the button under somebody's finger stays where it is
    this.key = key;
    this.list.replaceChildren();
    for (const [thread, requests] of Object.entries(pending)) {
      const chosen = new Map();
      for (const request of requests) {
        this.list.append(this.row(thread, request, may, (kind, row) => {
          chosen.set(request.id, kind);
          for (const one of row.querySelectorAll("button")) one.disabled = true;
          if (chosen.size === requests.length) {
            const decisions = requests.map((one) => ({ request: one.id, kind: chosen.get(one.id) }));
            this.decide(thread, decisions);
          }
        }));
      }
    }
    this.section.hidden = !this.list.childElementCount;
  }

  row(thread, request, may, choose) {
    const row = element("div", "request");
    const what = element("div");
    what.append(element("strong", "", shown(request)));
    if (request.question) what.append(element("p", "", request.question));
    if (request.grounds) what.append(element("p", "quiet", `because: ${request.grounds}`));
    what.append(element("p", "quiet", `conversation: ${thread}`));
    const buttons = element("div", "buttons");
    for (const [kind, text] of [["approve", "Allow"], ["reject", "Refuse"]]) {
      const button = element("button", kind === "approve" ? "yes" : "", text);
      button.type = "button";
      button.dataset.kind = kind;
      button.setAttribute("aria-label", `${text} ${shown(request)}`);
      button.disabled = !may;
      button.onclick = () => choose(kind, row);
      buttons.append(button);
    }
    row.append(what, buttons);
    return row;
  }

  again() {
    this.key = "";
  }
}
