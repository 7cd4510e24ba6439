// What the robot sees, hears and scans, drawn as it comes.

const STALE = 2000; // milliseconds after which what is shown is marked as old

const captions = new Map(); // element to what it says, and when that came

export function caption(element, about, what) {
  const words = about.tags.map((one) => `${one.word} ${one.score.toFixed(2)}`).join(", ");
  const said =
    about.state === "nothing" ? "nothing"
    : about.state === "unknown" ? "something that its weights do not know"
    : words || "something";
  const age = document.createElement("small");
  element.replaceChildren(`${what} ${said} `, age);
  captions.set(element, { age, about, came: performance.now() });
  older();
}

// What is shown grows older while nothing newer comes.
export function older() {
  for (const [element, { age, about, came }] of captions) {
    const now = about.age_ms + performance.now() - came;
    age.textContent = now < 10000 ? `${Math.round(now)} ms old` : `${Math.round(now / 1000)} s old`;
    element.classList.toggle("stale", now > STALE);
  }
}

export class Camera {
  constructor(canvas, none, words, boxes) {
    Object.assign(this, { canvas, none, words, boxes, found: [], size: null, bitmap: null });
    this.drawing = false;
  }

  async show(about, payload) {
    caption(this.words, about, "sees");
    this.canvas.setAttribute("aria-label", `Picture of the camera: ${this.words.textContent}`);
    this.next = payload;
    if (this.drawing) return; // the newest one is drawn when this one is done
    this.drawing = true;
    try {
      while (this.next) {
        const data = this.next;
        this.next = null;
        const bitmap = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
        this.bitmap?.close();
        this.bitmap = bitmap;
        this.draw();
      }
    } catch {
      // a damaged picture: the next one comes
    } finally {
      this.drawing = false;
    }
  }

  detected(message) {
    this.found = message.found;
    this.size = message.size;
    this.at = performance.now();
    this.draw();
  }

  draw() {
    const { bitmap, canvas } = this;
    if (!bitmap) return;
    this.none.hidden = true;
    const scale = Math.max(1, Math.round(640 / bitmap.width));
    canvas.width = bitmap.width * scale;
    canvas.height = bitmap.height * scale;
    const pen = canvas.getContext("2d");
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    canvas.dataset.frames = String(Number(canvas.dataset.frames || 0) + 1);
    if (!this.boxes.checked || !this.size || performance.now() - this.at > 4000) return;
    const [across, down] = [canvas.width / this.size[0], canvas.height / this.size[1]];
    pen.font = "600 16px system-ui, sans-serif";
    pen.lineWidth = 3;
    for (const { label, score, box } of this.found) {
      const [x, y] = [box[0] * across, box[1] * down];
      pen.strokeStyle = "#ffb000";
      pen.strokeRect(x, y, box[2] * across - x, box[3] * down - y);
      const text = `${label} ${score.toFixed(2)}`;
      const wide = pen.measureText(text).width + 8;
      pen.fillStyle = "#ffb000";
      pen.fillRect(x, Math.max(0, y - 22), wide, 22);
      pen.fillStyle = "#000";
      pen.fillText(text, x + 4, Math.max(16, y - 6));
    }
  }

  clear() {
    this.none.hidden = false;
    this.bitmap = null;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }
}

export class Sound {
  constructor(canvas, spectrum, meter, text, words) {
    Object.assign(this, { canvas, spectrum, meter, text, words, past: [], at: 0 });
  }

  show(about, payload) {
    caption(this.words, about, "hears");
    const levels = about.levels ?? [];
    if (!levels.length) return;
    const now = levels[levels.length - 1];
    this.meter.value = now;
    this.text.textContent = `${now.toFixed(0)} dBFS`;
    this.past = [...this.past, ...levels.slice(-6)].slice(-160);
    const pen = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = "#6cb2ff";
    const step = width / 160;
    this.past.forEach((level, i) => {
      const tall = Math.max(1, ((level + 90) / 90) * height);
      pen.fillRect(i * step, height - tall, step - 1, tall);
    });
    this.columns(about, payload);
  }

  // A column is a moment, the newest one on the right, low frequencies below. What was left out on
  // the way stays empty.
  columns({ at, bands, hop, highest }, payload) {
    const count = Math.floor(payload.length / bands);
    if (!count) return;
    const { spectrum } = this;
    const { width } = spectrum;
    const pen = spectrum.getContext("2d", { willReadFrequently: true });
    spectrum.hidden = false;
    spectrum.setAttribute("aria-label",
      `Spectrogram of the last ${Math.round(width * hop)} seconds, up to ${Math.round(highest / 1000)} kHz`);
    const passed = Math.max(count, Math.min(width, this.at ? Math.round((at - this.at) / hop) : count));
    this.at = at;
    const kept = passed < width ? pen.getImageData(passed, 0, width - passed, bands) : null;
    pen.clearRect(0, 0, width, bands);
    if (kept) pen.putImageData(kept, 0, 0);
    const image = pen.createImageData(count, bands);
    for (let x = 0; x < count; x++) {
      for (let band = 0; band < bands; band++) {
        const value = payload[x * bands + band] / 255;
        const place = 4 * ((bands - 1 - band) * count + x);
        image.data[place] = 255 * value ** 3; // from dark over blue to a pale yellow
        image.data[place + 1] = 242 * value ** 2;
        image.data[place + 2] = 50 + 130 * value;
        image.data[place + 3] = 255;
      }
    }
    pen.putImageData(image, width - count, 0);
  }

  clear() {
    this.past = [];
    for (const one of [this.canvas, this.spectrum]) one.getContext("2d").clearRect(0, 0, one.width, one.height);
  }
}

// Draws a sweep from above. The robot is in the middle and looks up: x ahead is up, y left is left.
// Returns what brings places to pixels, and the pixels of a metre.
export function sweep(canvas, points) {
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  const far = Math.max(2, ...points.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))));
  const reach = Math.min(12, Math.ceil(far));
  const scale = width / 2 / (reach * 1.05);
  const at = ([x, y]) => [width / 2 - y * scale, height / 2 - x * scale];
  pen.strokeStyle = "#2c3a46";
  pen.fillStyle = "#a9b7c4";
  pen.font = "15px system-ui, sans-serif";
  const ring = reach > 6 ? 2 : 1;
  for (let metres = ring; metres <= reach; metres += ring) {
    pen.beginPath();
    pen.arc(width / 2, height / 2, metres * scale, 0, 2 * Math.PI);
    pen.stroke();
    pen.fillText(`${metres} m`, width / 2 + 4, height / 2 - metres * scale + 16);
  }
  pen.fillStyle = "#8fa0b0";
  for (const point of points) {
    const [x, y] = at(point);
    pen.fillRect(x - 1.5, y - 1.5, 3, 3);
  }
  return { at, scale };
}

export class Scan {
  constructor(canvas, none, words) {
    Object.assign(this, { canvas, none, words, about: null, pose: null, path: [], fence: null });
  }

  show(about) {
    this.about = about;
    caption(this.words, about, "nearest:");
    const count = about.things.length;
    const near = about.things[0];
    const where = near ? `, the nearest ${Math.hypot(near.position[0], near.position[1]).toFixed(1)} m away` : "";
    this.canvas.setAttribute("aria-label", `Sweep from above: ${count} objects${where}`);
    this.draw();
  }

  moved(pose) {
    this.pose = pose;
    const [x, y] = pose;
    const last = this.path[this.path.length - 1];
    if (!last || Math.hypot(x - last[0], y - last[1]) > 0.03) this.path = [...this.path, [x, y]].slice(-600);
    this.draw();
  }

  draw() {
    const { canvas, about } = this;
    const pen = canvas.getContext("2d");
    const { width, height } = canvas;
    if (!about) return pen.clearRect(0, 0, width, height);
    this.none.hidden = true;
    const { at, scale } = sweep(canvas, about.points);
    if (this.pose) this.drawMap(pen, at);
    pen.strokeStyle = "#ff8a8a";
    pen.lineWidth = 3;
    for (const { position, size } of about.things) {
      const [x, y] = at([position[0] + size[0] / 2, position[1] + size[1] / 2]);
      pen.strokeRect(x, y, Math.max(6, size[1] * scale), Math.max(6, size[0] * scale));
    }
    pen.fillStyle = "#6cb2ff";
    pen.beginPath();
    pen.moveTo(width / 2, height / 2 - 16);
    pen.lineTo(width / 2 - 11, height / 2 + 12);
    pen.lineTo(width / 2 + 11, height / 2 + 12);
    pen.fill();
  }

  // Way and fence are in the frame of the odometry: turned and moved to where the robot is.
  drawMap(pen, at) {
    const [x0, y0, heading] = this.pose;
    const [c, s] = [Math.cos(heading), Math.sin(heading)];
    const here = ([x, y]) => at([c * (x - x0) + s * (y - y0), -s * (x - x0) + c * (y - y0)]);
    const line = (places, style, dash) => {
      pen.strokeStyle = style;
      pen.lineWidth = 3;
      pen.setLineDash(dash);
      pen.beginPath();
      places.map(here).forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.stroke();
      pen.setLineDash([]);
    };
    line(this.path, "#63d296", []);
    if (this.fence) {
      const [a, b, d, e] = this.fence;
      line([[a, b], [d, b], [d, e], [a, e], [a, b]], "#f0b45a", [10, 8]);
    }
  }

  clear() {
    this.about = null;
    this.none.hidden = false;
    this.draw();
  }
}
