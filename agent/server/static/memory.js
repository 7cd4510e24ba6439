// What the robot remembers, what it watches for, and what of that has come.

import { sweep } from "./senses.js";
import { element } from "./talk.js";

const MAX_FILE = 2500000; // bytes of what is looked for; the server takes 2.6 MB
const MAX_SIDE = 1024; // pixels; an encoder sees less

const clock = (seconds) => {
  const at = new Date(seconds * 1000);
  const today = at.toDateString() === new Date().toDateString();
  return today ? at.toLocaleTimeString() : at.toLocaleString();
};

function ago(seconds) {
  const past = Date.now() / 1000 - seconds;
  for (const [unit, name] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = Math.round(past / unit);
    if (past >= unit) return `${count} ${name}${count === 1 ? "" : "s"} ago`;
  }
  return past < 5 ? "just now" : `${Math.round(past)} seconds ago`;
}

const PAST = { vision: "seen by", audio: "heard by", point: "scanned by" };

// A file as the server takes it: images are made smaller here, sounds must be short enough.
async function example(file) {
  if (file.type.startsWith("image/")) {
    const whole = await createImageBitmap(file);
    const scale = Math.min(1, MAX_SIDE / Math.max(whole.width, whole.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(whole.width * scale));
    canvas.height = Math.max(1, Math.round(whole.height * scale));
    canvas.getContext("2d").drawImage(whole, 0, 0, canvas.width, canvas.height);
    whole.close();
    const url = canvas.toDataURL("image/jpeg", 0.9);
    return { kind: "image", mime: "image/jpeg", data: url.slice(url.indexOf(",") + 1) };
  }
  if (!file.type.startsWith("audio/")) throw new Error("choose an image or a sound");
  if (file.size > MAX_FILE) throw new Error("this sound is too large: at most 2.5 MB");
  const url = await new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
  return { kind: "audio", mime: file.type, data: url.slice(url.indexOf(",") + 1) };
}

export class Memory {
  constructor(fields, state, list, wish) {
    Object.assign(this, { fields, state, list, wish, number: 0, asked: null });
    this.waiting = new Map(); // reference to what is done with its frame
    this.urls = [];
  }

  async search() {
    const { what, sense, when, from, until, like } = this.fields;
    const asked = { type: "remember", text: what.value.trim(), sense: sense.value };
    const seconds = (field) => (field.value ? new Date(field.value).getTime() / 1000 : null);
    if (when.value === "between") {
      asked.since = seconds(from) ?? 0;
      asked.until = seconds(until);
    }
    const last = when.value && when.value !== "between" ? Number(when.value) : 0;
    try {
      if (like.files.length) asked.example = await example(like.files[0]);
    } catch (error) {
      return this.say(`This file cannot be looked for: ${error.message || error.name}.`);
    }
    this.asked = { asked, last };
    this.ask();
  }

  ask() {
    const { asked, last } = this.asked;
    const since = last ? Date.now() / 1000 - last : asked.since ?? 0;
    this.say("searching …");
    this.wish({ ...asked, since, number: ++this.number });
  }

  say(text) {
    this.state.textContent = text;
  }

  clear() {
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.urls = [];
    this.waiting.clear();
    this.list.replaceChildren();
  }

  // What was found before may be forgotten by now: it is taken away, and looked for again.
  forgotten() {
    this.clear();
    this.say("");
    if (this.asked) this.ask();
  }

  reset() {
    this.asked = null;
    this.number++;
    this.clear();
    this.say("");
  }

  found({ number, episodes, error }) {
    if (number !== this.number) return;
    this.clear();
    const count = episodes.length;
    this.say(error ?? (count ? `${count} found` : "Nothing like that is remembered."));
    for (const one of episodes) this.list.append(this.episode(one));
  }

  episode(one) {
    const item = element("li", "episode");
    item.dataset.stream = one.stream;
    const view = element("div", "view");
    const picture = one.modality === "audio" ? one.seen_then[0] : one.reference;
    const what = `${PAST[one.modality] ?? "perceived by"} ${one.stream}`;
    if (picture) {
      item.append(view);
      const then = picture === one.reference ? what : "seen at that time";
      this.fetch(picture, (frame) => this.picture(view, frame, `${then}, ${clock(one.at)}`));
    }
    if (one.description) item.append(element("p", "", one.description));
    item.append(element("p", "", `${ago(one.ended)}, ${clock(one.began)} to ${clock(one.ended)}`));
    const more = [what];
    if (one.place) more.push(`from ${one.place}`);
    if (one.similarity !== null) more.push(`similarity ${one.similarity.toFixed(2)}`);
    item.append(element("p", "quiet", more.join(", ")));
    if (one.modality === "audio") item.append(this.player(one));
    return item;
  }

  player(one) {
    const button = element("button", "", "Listen");
    button.type = "button";
    button.setAttribute("aria-label", `Listen to what was heard at ${clock(one.at)}`);
    button.onclick = () => {
      button.disabled = true;
      this.fetch(one.reference, ({ gone }, payload) => {
        if (gone) return button.replaceWith(element("p", "quiet", "This sound is not kept any more."));
        const player = element("audio");
        player.controls = true;
        player.src = this.url(payload, "audio/wav");
        button.replaceWith(player);
        player.play().catch(() => {}); // a browser may want a press of its own
      });
    };
    return button;
  }

  picture(view, { gone, modality, points, payload }, words) {
    if (gone) {
      view.append(element("p", "none", "not kept any more"));
    } else if (modality === "point") {
      const canvas = element("canvas");
      canvas.width = canvas.height = 320;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Sweep ${words}`);
      sweep(canvas, points);
      view.append(canvas);
    } else {
      const image = element("img");
      image.alt = `Picture ${words}`;
      image.src = this.url(payload, "image/jpeg");
      view.append(image);
    }
  }

  url(payload, type) {
    this.urls.push(URL.createObjectURL(new Blob([payload], { type })));
    return this.urls[this.urls.length - 1];
  }

  fetch(reference, done) {
    const all = this.waiting.get(reference);
    if (all) return all.push(done);
    this.waiting.set(reference, [done]);
    this.wish({ type: "frame", reference });
  }

  frame(message, payload) {
    const all = this.waiting.get(message.reference) ?? [];
    this.waiting.delete(message.reference);
    for (const done of all) done({ ...message, payload }, payload);
  }
}

export class Watches {
  constructor(list, alerts, wish, fired) {
    Object.assign(this, { list, alerts, wish, fired, newest: null });
  }

  show({ watches, alerts }, may) {
    this.list.replaceChildren();
    for (const { name, sense, run } of watches) {
      const how = [sense && `by ${sense}`, run && `runs ${run}`].filter(Boolean).join(", ");
      const item = element("li");
      item.append(element("span", "", how ? `${name} (${how})` : name));
      const button = element("button", "", "Remove");
      button.type = "button";
      button.setAttribute("aria-label", `Remove the watch ${name}`);
      button.disabled = !may;
      button.onclick = () => {
        button.disabled = true;
        this.wish({ type: "unwatch", name });
      };
      item.append(button);
      this.list.append(item);
    }
    if (!watches.length) this.list.append(element("li", "quiet", "Nothing is watched for."));
    this.alerts.replaceChildren();
    for (const { watch, stream, at, outcome } of alerts) {
      const item = element("li");
      item.append(element("time", "", clock(at)));
      item.append(element("span", "", `${watch} (${stream}): ${outcome}`));
      this.alerts.append(item);
    }
    if (!alerts.length) this.alerts.append(element("li", "quiet", "Nothing has fired."));
    const newest = Math.max(0, ...alerts.map((one) => one.id));
    if (this.newest !== null) {
      const fresh = alerts.filter((one) => one.id > this.newest).reverse();
      for (const one of fresh) this.fired(`${one.watch}: ${one.outcome}`);
    }
    this.newest = newest;
  }
}
