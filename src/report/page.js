"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const one = (id) => document.getElementById(id);
  const make = (name, kind, text) => {
    const element = document.createElement(name);
    if (kind) element.className = kind;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  // A row of a token, see `data.rs`: here its columns have their names.
  const SLICE = 0, PIECE = 1, P = 2, RANK = 3, SURPRISAL = 4, ENTROPY = 5, NOW = 6, ALPHA = 7, FUTURE = 8, SKIPPED = 9, LOOKED = 10, REMOVED = 11, TEMPERATURE = 12, CUTS = 13, EXCESS = 14;
  const rowsOf = (at) => data.stories[at].rows;
  const piece = (number) => data.pieces[number];
  const visible = (text) => text.replace(/ /g, "·").replace(/\n/g, "⏎").replace(/\t/g, "⇥") || "(nothing)";
  const number = (x, digits = 3) => (x > 0 && x < 0.0005 ? "<.001" : x.toFixed(digits));

  const why = one("why"), form = one("tints"), key = one("key");
  const folder = document.body.classList.contains("folder");
  let tint = null, shown = null, pinned = null;

  const tokens = (text) => text.querySelectorAll(".w");
  const textOf = (at) => [...document.querySelectorAll("#stories .text")].find((text) => Number(text.dataset.story) === at);
  const chartOf = (at) => [...document.querySelectorAll(".figure")].find((figure) => Number(figure.dataset.story) === at)?.querySelector("svg");

  // The words of a story, each an element; only the stories that are shown have any.
  function tell(text) {
    const at = Number(text.dataset.story), story = data.stories[at];
    const lead = make("span", "lead", story.lead);
    if (!story.rows.length) {
      text.replaceChildren(lead, story.rest);
      return;
    }
    const words = story.rows.map((row, index) => {
      const word = make("span", "w", piece(row[SLICE]));
      word.dataset.token = index;
      if (index === story.parts) word.classList.add("parts");
      return word;
    });
    // What was not said, before the word that was told instead of its first.
    const unsaid = words.map(() => []);
    for (const [index, said] of story.unsaid || []) unsaid[index]?.push(make("del", "", said));
    text.replaceChildren(lead, ...words.flatMap((word, index) => [...unsaid[index], word]));
    text.tabIndex = 0;
    text.setAttribute("role", "group");
    text.setAttribute("aria-label", `The ${data.read ? "text" : "story"}. The arrow keys go from word to word and show ${data.read ? "how likely each was" : "why each was chosen"}.`);
    colour(text);
  }

  function stepOf(value) {
    const share = Math.min(1, Math.max(0, (value - tint.least) / (tint.most - tint.least)));
    return Math.round(share * (data.steps - 1));
  }

  function colour(text) {
    const rows = rowsOf(Number(text.dataset.story));
    for (const word of tokens(text)) {
      const value = tint && rows[word.dataset.token][tint.column];
      const keep = ["parts", "here"].filter((name) => word.classList.contains(name));
      const step = value === null || value === undefined ? [] : [(tint.diverges ? "d" : "s") + stepOf(value)];
      word.className = ["w", ...step, ...keep].join(" ");
    }
  }

  function choose(name) {
    tint = data.tints.find((one) => one.name === name) || null;
    document.querySelectorAll("#stories .text").forEach(colour);
    key.replaceChildren();
    if (!tint) return;
    const bar = make("span", "bar");
    for (let step = 0; step < data.steps; step++) bar.append(make("i", (tint.diverges ? "d" : "s") + step));
    key.append(tint.low, bar, tint.high);
  }

  // Why a token was chosen, or how likely it was.
  function explain(at, index) {
    const row = rowsOf(at)[index];
    const parts = [make("h3", "", visible(piece(row[PIECE])))];
    parts.push(make("p", "", `token ${index + 1} of ${rowsOf(at).length}` + (data.stories.length > 1 && !folder ? ` · ${data.stories[at].label}` : "")));
    const list = make("dl");
    const fact = (name, value) => list.append(make("dt", "", name), make("dd", "", value));
    fact("p, the model’s own", number(row[P]));
    fact("rank", row[RANK] === 0 ? "the likeliest" : `${row[RANK]} likelier`);
    fact("surprisal", `${number(row[SURPRISAL], 2)} nats`);
    fact("entropy there", `${number(row[ENTROPY], 2)} nats`);
    if (row[NOW] != null) fact("Ĥ there", number(row[NOW], 2));
    if (row[ALPHA] != null) fact("α", number(row[ALPHA], 2).replace("-", "−"));
    if (row[EXCESS] != null) fact("surprisal − entropy", `${number(row[EXCESS], 2).replace("-", "−")} nats`);
    if (row[TEMPERATURE] != null) fact("T", number(row[TEMPERATURE], 2));
    if (row[FUTURE] != null) fact("Ĥ after it", number(row[FUTURE], 2));
    for (const [stage, value] of row[CUTS] || []) fact(data.stages[stage], number(value, 3));
    for (const [stage, count] of row[REMOVED] || []) fact(`cut by ${data.stages[stage]}`, String(count));
    parts.push(list);
    const looked = row[LOOKED] || [];
    if (looked.length) parts.push(bars(looked));
    else if (!data.read) parts.push(make("p", "", ["Nothing was looked at.", "One token was left: nothing was looked at.", "At α = −1 the future has no weight: nothing was looked at."][row[SKIPPED] || 0]));
    const file = data.stories[at].file;
    if (file) {
      // Counted as it is there: from 1.
      const command = make("p", "command", "Everything about it: ");
      command.append(make("code", "", `afterword explain --record ${file} --token ${index + 1}`));
      parts.push(command);
      // The likeliest of those that were looked at and not taken, or the word itself, to be written over.
      const typed = (text) => text && !text.includes("\ufffd") && !text.includes("\r");
      const others = looked.filter((one) => !one[4] && typed(piece(one[0]))).sort((a, b) => b[1] - a[1]);
      const word = others.length ? piece(others[0][0]) : piece(row[PIECE]);
      if (typed(word)) {
        const on = make("p", "command", others.length ? "From here with another word: " : "From here with a word in its place: ");
        const quoted = `'${visible(word).replace(/'/g, "'\\''")}'`;
        on.append(make("code", "", `afterword write --resume ${file} --at ${index + 1} --take ${quoted}`));
        parts.push(on);
      }
    }
    why.replaceChildren(...parts);
  }

  function bars(looked) {
    const table = make("table");
    table.append(make("caption", "", looked.length === 1 ? "1 candidate was looked at" : `${looked.length} candidates were looked at`));
    const head = make("tr");
    // Ĥ as it was weighed, where that is another number.
    const weighed = looked.some((one) => one[5] != null);
    for (const name of weighed ? ["", "p", "Ĥ", "Ĥ′", "s"] : ["", "p", "Ĥ", "s"]) {
      const cell = make(name ? "th" : "td", "", name);
      if (name) cell.scope = "col";
      head.append(cell);
    }
    const headed = make("thead"), body = make("tbody");
    headed.append(head);
    const most = [1, 3, 5].map((column) => Math.max(...looked.map((one) => one[column] || 0), 1e-12));
    for (const one of looked) {
      const line = make("tr", one[4] ? "chosen" : "");
      const name = make("th", "", (one[4] ? "› " : "") + visible(piece(one[0])));
      name.scope = "row";
      line.append(name);
      const cells = [["p", one[1], most[0]], ["h", one[2], 1], ["s", one[3], most[1]]];
      if (weighed) cells.splice(2, 0, ["h", one[5], Math.max(most[2], 1)]);
      cells.forEach(([kind, value, full]) => {
        const cell = make("td", kind, number(value)), bar = make("i");
        bar.style.width = `${(100 * value) / full}%`;
        cell.dataset.value = value;
        cell.append(bar);
        line.append(cell);
      });
      body.append(line);
    }
    table.append(headed, body);
    return table;
  }

  function mark(at, index) {
    document.querySelectorAll(".w.here").forEach((word) => word.classList.remove("here"));
    document.querySelectorAll(".cursor").forEach((line) => line.remove());
    shown = at === null ? null : [at, index];
    if (!shown) {
      if (why) why.replaceChildren(make("p", "hint", `Point at a word, or go to it with Tab and the arrow keys, to see ${data.read ? "how likely it was" : "why it was chosen"}.`));
      return;
    }
    tokens(textOf(at))[index].classList.add("here");
    const chart = chartOf(at);
    if (chart) {
      const { left, right } = chart.dataset, count = Number(chart.dataset.tokens);
      const x = Number(left) + ((right - left) * (index + 0.5)) / count;
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
      line.setAttribute("class", "cursor");
      line.setAttribute("d", `M${x} 0V${chart.viewBox.baseVal.height - 16}`);
      chart.append(line);
    }
    explain(at, index);
  }

  const back = () => (pinned ? mark(...pinned) : mark(null));

  function follow(text) {
    const at = () => Number(text.dataset.story);
    const word = (event) => event.target.closest?.(".w");
    text.addEventListener("mouseover", (event) => word(event) && mark(at(), Number(word(event).dataset.token)));
    text.addEventListener("mouseleave", back);
    text.addEventListener("click", (event) => {
      if (!word(event)) return;
      pinned = [at(), Number(word(event).dataset.token)];
      mark(...pinned);
    });
    text.addEventListener("focus", () => {
      // A click focuses too, and has its own word.
      if (rowsOf(at()).length && !text.matches(":hover")) go(at(), pinned && pinned[0] === at() ? pinned[1] : 0);
    });
    text.addEventListener("keydown", (event) => {
      const last = rowsOf(at()).length - 1, here = shown && shown[0] === at() ? shown[1] : 0;
      if (last < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
      const to = { ArrowRight: here + 1, ArrowLeft: here - 1, ArrowDown: line(text, here, 1), ArrowUp: line(text, here, -1), Home: 0, End: last }[event.key];
      if (event.key === "Escape") {
        pinned = null;
        mark(null);
      } else if (to !== undefined) {
        event.preventDefault();
        go(at(), Math.min(last, Math.max(0, to)));
      }
    });
  }

  // The word above or below one.
  function line(text, here, way) {
    const all = tokens(text), from = all[here].getBoundingClientRect();
    for (let at = here + way; at >= 0 && at < all.length; at += way) {
      const box = all[at].getBoundingClientRect();
      if (way * (box.top - from.top) > from.height / 2 && way * (from.left - box.left) <= from.width / 2 + box.width) return at;
    }
    return here;
  }

  function go(at, index) {
    pinned = [at, index];
    mark(at, index);
    tokens(textOf(at))[index].scrollIntoView({ block: "nearest" });
  }

  function followChart(figure) {
    const at = () => Number(figure.dataset.story);
    const token = (event) => {
      const chart = figure.querySelector("svg");
      if (!chart || !rowsOf(at()).length) return null;
      const box = chart.getBoundingClientRect(), { left, right, tokens: count } = chart.dataset;
      const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
      return Math.min(count - 1, Math.max(0, Math.floor(((x - left) / (right - left)) * count)));
    };
    figure.addEventListener("pointermove", (event) => token(event) !== null && mark(at(), token(event)));
    figure.addEventListener("pointerleave", back);
    figure.addEventListener("click", (event) => token(event) !== null && go(at(), token(event)));
  }

  // In a folder: the story that the address names.
  function open() {
    const at = /^#story-(\d+)$/.exec(location.hash)?.[1], story = data.stories[at];
    pinned = null;
    mark(null);
    one("index").hidden = Boolean(story);
    one("reader").hidden = !story;
    if (!story) return;
    const text = document.querySelector("#stories .text"), figure = document.querySelector(".figure");
    text.dataset.story = figure.dataset.story = at;
    one("named").textContent = data.read ? story.name : `${story.name} · ${story.label}`;
    figure.replaceChildren(one(`chart-${at}`).content.cloneNode(true));
    one("facts").replaceChildren(one(`facts-${at}`).content.cloneNode(true));
    const request = one(`request-${at}`);
    one("request").hidden = !request;
    one("request").textContent = request ? request.content.textContent : "";
    one("untraced").hidden = story.rows.length > 0;
    if (form) form.hidden = why.hidden = story.rows.length === 0;
    text.removeAttribute("tabindex");
    tell(text);
    scrollTo(0, 0);
  }

  document.querySelectorAll("#stories .text").forEach((text) => {
    if (!folder && rowsOf(Number(text.dataset.story)).length) tell(text);
    follow(text);
  });
  document.querySelectorAll(".figure").forEach(followChart);
  if (form) {
    form.hidden = why.hidden = false;
    const first = data.stories.some((story) => story.rows.some((row) => row[ALPHA] != null)) ? "alpha" : "surprisal";
    form.addEventListener("change", (event) => choose(event.target.value));
    form.querySelector(`[value=${first}]`).checked = true;
    choose(first);
    mark(null);
  }
  if (folder) {
    addEventListener("hashchange", open);
    open();
  }
})();
