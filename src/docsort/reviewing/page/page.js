// The page for judging labels. One card at a time is in the document; ids are all it knows of the others.
// Text from the data reaches the document by textContent only.
"use strict";

const TOKEN = document.querySelector('meta[name="token"]').content;
const FILTERS = ["state", "label", "kind", "text"];
const UNDO_KEPT = 500;
const $ = (id) => document.getElementById(id);

let classes = new Map(); // class number -> name
let ids = []; // cards that pass the filters, fixed until the filters change
let place = 0;
let card = null; // the card shown, null while there is none
let laid = { quarters: 0, mirrored: false }; // how the photo is turned
let busy = false; // a card is being loaded or a decision saved: keys wait

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function nameOf(target) {
  return classes.has(Number(target)) ? `${target} ${classes.get(Number(target))}` : String(target);
}

function imageUrl(id, side) {
  return `/image?id=${encodeURIComponent(id)}&side=${side}`;
}

function say(text, good = false) {
  $("message").textContent = text;
  $("message").classList.toggle("good", good);
  $("message").hidden = !text;
}

// What survives a reload: filters, the card shown, and what can be undone. Kept for this tab alone.
function remember(key, value) {
  sessionStorage.setItem(`${document.title}-${key}`, JSON.stringify(value));
}

function remembered(key, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(`${document.title}-${key}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Docsort-Token": TOKEN },
    body: JSON.stringify(body),
  };
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error(body ? "Not saved: the server does not answer. Start it again, then reload this page."
      : "The server does not answer. Start it again, then reload this page.");
  }
  const data = await reply.json().catch(() => ({ error: `The server failed (${reply.status}).` }));
  if (!reply.ok) {
    throw Object.assign(new Error(data.error), { status: reply.status, card: data.card });
  }
  return data;
}

// Runs one thing at a time. `data-ready` names the card once it may be judged.
async function alone(work) {
  if (busy) return;
  busy = true;
  delete document.body.dataset.ready;
  try {
    await work();
  } catch (error) {
    if (error.card) show(error.card);
    say(error.card ? `${error.message} What stands now is shown; press again to overwrite it.` : error.message);
  } finally {
    busy = false;
    document.body.dataset.ready = card ? card.image_id : "";
  }
}

function progress(list) {
  $("bar").max = Math.max(1, list.total);
  $("bar").value = list.decided;
  $("count").textContent = `${list.decided} of ${list.total} decided`;
}

function query() {
  return new URLSearchParams(FILTERS.map((name) => [name, $(name).value]));
}

async function applyFilters(wanted) {
  const list = await ask(`/api/cards?${query()}`);
  remember("filters", Object.fromEntries(query()));
  progress(list);
  ids = list.ids;
  await goTo(Math.max(0, ids.indexOf(wanted)));
}

function filter() {
  if (busy) setTimeout(filter, 30);
  else alone(() => applyFilters(card?.image_id));
}

async function goTo(index) {
  place = Math.min(Math.max(0, index), ids.length);
  if (place === ids.length) return showNothing();
  show(await ask(`/api/card?id=${encodeURIComponent(ids[place])}`));
  remember("image", card.image_id);
  for (const id of ids.slice(place + 1, place + 3)) new Image().src = imageUrl(id, "large");
}

function showNothing() {
  card = null;
  $("card").hidden = true;
  $("empty").hidden = false;
  $("empty").textContent = ids.length ? "This was the last card. Change the filters, or go back." : "Nothing is left under these filters.";
}

function show(shown) {
  if (!card || card.image_id !== shown.image_id) {
    $("reason").value = "";
    lay(0, false);
  }
  card = shown;
  $("empty").hidden = true;
  $("card").hidden = false;
  $("place").textContent = `${place + 1} of ${ids.length} ·`;
  $("image").textContent = card.guesses ? card.name : `${card.image_id} · score ${card.score.toFixed(2)}`;
  setPhoto($("page"), card.image_id, "large");
  $("labels").replaceChildren(...(card.guesses ? guessRows() : labelBoxes()));
  $("evidence").replaceChildren(...card.evidence.map((text) => element("li", "", inWords(text))));
  $("relabel").hidden = card.proposed_label === null;
  $("proposal").textContent = card.guesses ? nameOf(card.proposed_label) : `relabel to ${nameOf(card.proposed_label)}`;
  $("near").replaceChildren(...card.neighbours.map(neighbourRow));
  $("facts").scrollTop = 0;
  closeMatches();
  showDecision();
}

function labelBoxes() {
  const boxes = [box("label given", card.given_label, card.p_given), box("proposed", card.proposed_label, card.p_proposed)];
  boxes[1].classList.add("proposed");
  if (card.data_label !== card.given_label) boxes.unshift(box("in the raw data", card.data_label, undefined));
  return boxes;
}

function box(role, target, probability) {
  const made = element("div", "label");
  made.append(element("div", "role", role), element("div", "class", nameOf(target)));
  if (probability !== undefined) {
    const text = probability === null ? "no model has judged it yet" : `models that never saw it: ${probability.toFixed(2)}`;
    made.append(element("div", "probability", text));
  }
  return made;
}

// The first guesses of an ensemble, the answer first; of a page that cannot be read the answer alone.
function guessRows() {
  const guesses = card.guesses.length ? card.guesses : [{ label: card.data_label, probability: 0 }];
  return guesses.map((guess, index) => {
    const made = element("div", index ? "guess" : "guess answer"), bar = element("progress");
    bar.max = 1;
    bar.value = guess.probability;
    made.append(element("div", "class", nameOf(guess.label)), bar, element("div", "probability", guess.probability.toFixed(2)));
    return made;
  });
}

// "is labelled 3" and "3 at 0.92" read better with the class's name.
function inWords(text) {
  return text
    .replace(/(is labelled )(\d+)$/, (_, before, target) => before + nameOf(target))
    .replace(/(^|: |, )(\d+)(?= at \d)/g, (_, before, target) => before + nameOf(target));
}

function neighbourRow(group) {
  const row = element("div", "near");
  for (const page of group.images) {
    const figure = element("figure"), button = element("button"), image = element("img");
    button.type = "button";
    button.title = page.image_id;
    setPhoto(image, page.image_id, "small");
    button.append(image);
    button.addEventListener("click", () => enlarge(page.image_id));
    figure.append(button, element("figcaption", "", `${page.similarity.toFixed(2)} ${page.image_id}`));
    row.append(figure);
  }
  const made = element("div");
  made.append(element("h2", "", `Nearest labelled ${nameOf(group.label)}`), row);
  return made;
}

// Pages come turned and mirrored; they are laid straight for the eye alone.
function lay(quarters, mirrored) {
  const image = $("page"), box = $("zoom");
  const [short, long] = [box.clientWidth, box.clientHeight].sort((a, b) => a - b);
  const size = quarters % 2 ? short / Math.max(1, long) : 1;
  laid = { quarters, mirrored };
  image.style.transform = `rotate(${90 * quarters}deg) scale(${mirrored ? -size : size}, ${size})`;
}

function setPhoto(image, id, side) {
  image.classList.remove("unreadable");
  image.onerror = () => image.classList.add("unreadable");
  image.alt = `photo of ${id}`;
  image.src = imageUrl(id, side);
}

// What the page calls an action: what stands on its button.
function wordOf(action) {
  const button = document.querySelector(`#actions [data-action="${CSS.escape(action)}"] span`);
  return button && button.id !== "proposal" ? button.textContent : action;
}

function showDecision() {
  const decision = card.decision;
  let text = "";
  if (decision?.action === "several") {
    text = "The ledger has several rows for this image. Mend it by hand, then reload.";
  } else if (decision) {
    const target = decision.new_label ? ` → ${nameOf(decision.new_label)}` : "";
    const who = [decision.decided_by && `by ${decision.decided_by}`, decision.decided_on && `on ${decision.decided_on}`];
    text = ["Decided:", wordOf(decision.action) + target, ...who, decision.reason && `(${decision.reason})`].filter(Boolean).join(" ");
  }
  $("decision").textContent = text;
  for (const button of document.querySelectorAll("#actions button")) {
    const same = decision?.action === button.dataset.action;
    const here = button.id !== "relabel" || Number(decision?.new_label) === card.proposed_label;
    button.setAttribute("aria-pressed", String(same && here));
  }
}

function decide(action, newLabel = "") {
  return alone(async () => {
    if (!card) return;
    say("");
    const wish = { image_id: card.image_id, action, new_label: String(newLabel), reason: $("reason").value, version: card.version };
    const done = await ask("/api/decide", wish);
    const undoable = remembered("undo", []);
    undoable.push({ image_id: card.image_id, before: done.before, version: done.version });
    remember("undo", undoable.slice(-UNDO_KEPT));
    progress(done);
    await goTo(place + 1);
  });
}

function undo() {
  return alone(async () => {
    const undoable = remembered("undo", []);
    const last = undoable.pop();
    if (!last) return say("Nothing to undo in this tab.", true);
    try {
      progress(await ask("/api/undo", last));
    } catch (error) {
      if (error.status !== 409) throw error; // not saved: it can be tried again
      say("Not undone: the decision has been changed since. What stands now is shown.");
      remember("undo", undoable);
      await goToImage(last.image_id);
      return;
    }
    remember("undo", undoable);
    await goToImage(last.image_id);
    say("Undone.", true);
  });
}

async function goToImage(id) {
  if (!ids.includes(id)) ids.splice(Math.min(place, ids.length), 0, id);
  await goTo(ids.indexOf(id));
}

function step(by) {
  return alone(async () => {
    say("");
    await goTo(place + by);
  });
}

function enlarge(id) {
  setPhoto($("largest"), id, "full");
  $("large").showModal();
}

// Choosing any other class: type a part of its name or its number, Enter takes the marked one.
function matching() {
  const typed = $("choose").value.trim().toLowerCase();
  const all = [...classes.keys()];
  const exact = all.filter((target) => String(target) === typed);
  return [...exact, ...all.filter((target) => !exact.includes(target) && nameOf(target).toLowerCase().includes(typed))];
}

function showMatches() {
  const items = matching().map((target, index) => {
    const item = element("li", "", nameOf(target));
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(index === 0));
    item.dataset.target = target;
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      choose(target);
    });
    return item;
  });
  $("matches").replaceChildren(...items);
  $("matches").hidden = false;
  $("choose").setAttribute("aria-expanded", "true");
}

function closeMatches() {
  $("matches").hidden = true;
  $("choose").value = "";
  $("choose").setAttribute("aria-expanded", "false");
  if (document.activeElement === $("choose")) $("choose").blur();
}

function choose(target) {
  closeMatches();
  decide("relabel", target);
}

function moveMark(by) {
  const items = [...$("matches").children];
  const now = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const next = Math.min(Math.max(0, now + by), items.length - 1);
  items.forEach((item, index) => item.setAttribute("aria-selected", String(index === next)));
  items[next]?.scrollIntoView({ block: "nearest" });
}

$("choose").addEventListener("focus", showMatches);
$("choose").addEventListener("blur", closeMatches);
$("choose").addEventListener("input", showMatches);
$("choose").addEventListener("keydown", (event) => {
  const marked = document.querySelector('#matches [aria-selected="true"]');
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    moveMark(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && marked) {
    choose(Number(marked.dataset.target));
  }
});

const KEYS = {
  k: () => decide("keep"),
  r: () => card && card.proposed_label !== null && decide("relabel", card.proposed_label),
  d: () => decide("drop"),
  u: () => decide("undecided"),
  z: undo,
  n: () => step(1),
  ArrowRight: () => step(1),
  p: () => step(-1),
  ArrowLeft: () => step(-1),
  o: () => card && $("choose").focus(),
  e: () => card && $("reason").focus(),
  t: () => lay((laid.quarters + 1) % 4, laid.mirrored),
  m: () => lay((4 - laid.quarters) % 4, !laid.mirrored),
  " ": () => card && enlarge(card.image_id),
};
const REPEATING = ["n", "p", "ArrowLeft", "ArrowRight"];

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (typing) {
    if (event.key === "Escape" || (event.key === "Enter" && typing.id === "reason")) typing.blur();
    return;
  }
  if ($("large").open) {
    if (event.key === " ") $("large").close();
    return;
  }
  if (event.altKey || event.shiftKey || ((event.ctrlKey || event.metaKey) && event.key !== "z")) return;
  if (event.repeat && !REPEATING.includes(event.key)) return; // a key held down judges one card
  const work = KEYS[event.key];
  if (!work) return;
  event.preventDefault();
  work();
});

for (const button of document.querySelectorAll("#actions button")) {
  button.addEventListener("click", () => {
    button.blur(); // or the next key would press it again
    KEYS[{ keep: "k", relabel: "r", drop: "d", undecided: "u" }[button.dataset.action]]();
  });
}
for (const [id, key] of [["previous", "p"], ["next", "n"], ["undo", "z"], ["turn", "t"], ["mirror", "m"], ["zoom", " "]]) {
  $(id).addEventListener("click", () => {
    $(id).blur();
    KEYS[key]();
  });
}
$("large").addEventListener("click", () => $("large").close());
$("filters").addEventListener("submit", (event) => event.preventDefault());
for (const name of FILTERS) {
  $(name).addEventListener("change", () => {
    $(name).blur();
    filter();
  });
}

alone(async () => {
  const summary = await ask("/api/summary");
  classes = new Map(summary.classes.map((row) => [row.target, row.name]));
  $("name").textContent = `judging as ${summary.name}`;
  $("label").append(...summary.classes.map((row) => new Option(nameOf(row.target), row.target)));
  $("kind").append(...summary.kinds.map((kind) => new Option(kind, kind)));
  const filters = remembered("filters", {});
  for (const name of FILTERS) {
    if (name in filters) $(name).value = filters[name];
    if ($(name).selectedIndex === -1) $(name).selectedIndex = 0; // what was chosen then is no choice now
  }
  await applyFilters(remembered("image", null));
});
