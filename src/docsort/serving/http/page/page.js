// The page to drop photos on. Each file is one request; text reaches the document by textContent only.
"use strict";

const GUESSES = 5;
const $ = (id) => document.getElementById(id);
let classes = {}; // class number -> name
let token = sessionStorage.getItem("docsort-token") ?? ""; // for this tab alone
let waiting = Promise.resolve(); // files are answered one after the other

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(text, bad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", bad);
}

async function ask(path, file) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let reply;
  try {
    if (!file) {
      reply = await fetch(path, { headers });
    } else {
      const form = new FormData();
      form.append("files", file, file.name);
      reply = await fetch(path, { method: "POST", headers, body: form });
    }
  } catch {
    throw new Error("The server does not answer, or has ended the upload because it is too large.");
  }
  if (reply.ok) return reply;
  const problem = await reply.json().catch(() => ({ error: `The server failed (${reply.status}).` }));
  if (reply.status === 401) $("token-form").hidden = false;
  throw new Error(problem.error);
}

async function introduce() {
  try {
    const facts = await (await ask("ensemble")).json();
    classes = facts.classes;
    const forecast = facts.forecast ? `, forecast macro-F1 ${facts.forecast.macro_f1.toFixed(3)}` : "";
    $("ensemble").textContent = `${Object.keys(classes).length} classes${forecast} · ensemble ${facts.fingerprint}`;
    $("token-form").hidden = true;
    say("");
  } catch (error) {
    say(error.message, true);
  }
}

function take(files) {
  for (const file of files) {
    const card = element("article", "card waiting");
    card.append(element("p", "name", `${file.name} waits for its answer …`));
    $("cards").append(card);
    waiting = waiting.then(() => answer(file, card));
  }
}

async function answer(file, card) {
  say(`Reading ${file.name} …`);
  try {
    const { answers } = await (await ask("predict", file)).json();
    card.replaceWith(...answers.map((each) => cardOf(file, each, answers.length)));
    say("");
  } catch (error) {
    card.remove();
    say(`${file.name}: ${error.message}`, true);
  }
}

function cardOf(file, answer, pages) {
  const card = element("article", "card");
  card.append(photoOf(file, answer, pages), factsOf(answer));
  return card;
}

function factsOf(answer) {
  const facts = element("div");
  const sure = answer.probabilities ? `${percent(answer.confidence)} sure` : "not read";
  facts.append(element("p", "name quiet", answer.page), element("h2", "", answer.probabilities ? `${answer.target} ${answer.class_name}` : "Cannot be read"));
  facts.append(element("span", answer.needs_review ? "badge unsure" : "badge",
    answer.needs_review ? `${sure} · needs review` : `${sure} · no review needed`));
  if (answer.needs_review) facts.append(element("p", "why", `A person should look: ${answer.why}.`));
  if (answer.probabilities) facts.append(guessesOf(answer.probabilities));
  if (answer.novelty !== null) {
    facts.append(element("p", "quiet", `Novelty: more novel than ${percent(answer.novelty)} of held-out training pages.`));
  }
  return facts;
}

function guessesOf(probabilities) {
  const table = element("table", "guesses");
  const first = Object.entries(probabilities).sort((one, other) => other[1] - one[1]).slice(0, GUESSES);
  for (const [target, probability] of first) {
    const row = element("tr"), name = element("td", "", `${target} ${classes[target] ?? ""}`), bar = element("meter");
    bar.value = probability;
    bar.title = percent(probability);
    name.append(bar);
    row.append(name, element("td", "", percent(probability)));
    table.append(row);
  }
  return table;
}

function percent(share) {
  const shown = 100 * share;
  if (shown > 99.9 && shown < 100) return "> 99.9 %";
  return shown > 0 && shown < 0.1 ? "< 0.1 %" : `${shown.toFixed(1)} %`;
}

function photoOf(file, answer, pages) {
  const box = element("div"), photo = element("div", "photo"), shown = element("div", "shown");
  box.append(photo, shown);
  const picture = element("img");
  picture.alt = `photo ${answer.page}`;
  picture.onerror = () => photo.replaceChildren(element("p", "", "Browsers do not show this file."));
  if (pages === 1) picture.src = URL.createObjectURL(file);
  photo.append(pages === 1 ? picture : element("p", "", "A page of a file of several pages."));
  if (pages === 1 && answer.probabilities) shown.append(...choices(file, answer, photo, picture));
  return box;
}

function choices(file, answer, photo, picture) {
  const plain = element("button", "", "Photo"), heat = element("button", "", "Where it looked"), note = element("span", "quiet");
  let heated = null;
  const press = (button) => [plain, heat].forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
  plain.type = heat.type = "button";
  plain.onclick = () => { photo.replaceChildren(picture); note.textContent = ""; press(plain); };
  heat.onclick = async () => {
    heat.disabled = true;
    note.textContent = "Looking …";
    try {
      heated ??= await heatOf(file, answer);
      photo.replaceChildren(heated);
      note.textContent = "Red counts most for the answer: one network's view (Grad-CAM), of the page as that network sees it.";
      press(heat);
    } catch (error) {
      note.textContent = error.message;
    }
    heat.disabled = false;
  };
  press(plain);
  return [plain, heat, note];
}

async function heatOf(file, answer) {
  const picture = element("img");
  picture.alt = `${answer.page} with a heat map of where ${answer.class_name} was found`;
  picture.src = URL.createObjectURL(await (await ask(`explain?target=${answer.target}`, file)).blob());
  await picture.decode();
  return picture;
}

$("file").addEventListener("change", () => {
  take([...$("file").files]);
  $("file").value = "";
});
for (const kind of ["dragover", "drop", "dragleave"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") take([...event.dataTransfer.files]);
  });
}
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("docsort-token", token);
  introduce();
});
introduce();
