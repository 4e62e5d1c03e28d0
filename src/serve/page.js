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
  const visible = (text) => text.replace(/ /g, "·").replace(/\n/g, "⏎").replace(/\t/g, "⇥") || "(nothing)";
  const number = (x, digits = 3) => (x > 0 && x < 0.0005 ? "<.001" : x.toFixed(digits).replace("-", "−"));
  const told = one("told"), why = one("why"), state = one("state"), tell = one("tell"), stop = one("stop"), key = one("key");
  let tokens = [], tint = data.tints[0], running = null, here = -1;

  // What each colour is taken from.
  const value = (token) => token.trace[tint.name];

  function colour() {
    [...told.querySelectorAll(".w")].forEach((word, at) => {
      const x = tint ? value(tokens[at]) : null;
      const share = x == null ? null : Math.min(1, Math.max(0, (x - tint.least) / (tint.most - tint.least)));
      const step = share === null ? [] : [(tint.diverges ? "d" : "s") + Math.round(share * (data.steps - 1))];
      word.className = ["w", ...step, ...(at === here ? ["here"] : [])].join(" ");
    });
  }

  function choose(name) {
    tint = data.tints.find((one) => one.name === name) || null;
    key.replaceChildren();
    if (tint) {
      const bar = make("span", "bar");
      for (let step = 0; step < data.steps; step++) bar.append(make("i", (tint.diverges ? "d" : "s") + step));
      key.append(tint.low, bar, tint.high);
    }
    colour();
  }

  // Why a word was chosen: what was known of it, and what stood beside it.
  function explain(at) {
    here = at;
    colour();
    const token = tokens[at], { trace } = token, list = make("dl");
    const fact = (name, x, unit = "") => x != null && list.append(make("dt", "", name), make("dd", "", typeof x === "string" ? x : number(x) + unit));
    fact("p, the model’s own", trace.probability);
    fact("rank", trace.rank == null ? null : trace.rank === 0 ? "the likeliest" : `${trace.rank} likelier`);
    fact("surprisal", trace.surprisal, " nats");
    fact("entropy there", trace.entropy, " nats");
    fact("α", trace.alpha);
    fact("Ĥ after it", trace.future);
    why.replaceChildren(make("h3", "", visible(token.text)), make("p", "", `token ${at + 1} of ${tokens.length}`), list, others(token));
  }

  function others(token) {
    const table = make("table"), head = make("tr"), headed = make("thead"), body = make("tbody");
    table.append(make("caption", "", "What the model finds likeliest, and Ĥ where it was looked at"));
    for (const name of ["", "p", "Ĥ", "s"]) {
      const cell = make(name ? "th" : "td", "", name);
      if (name) cell.scope = "col";
      head.append(cell);
    }
    const most = Math.max(...token.top.map((one) => Math.exp(one.logprob)), 1e-12);
    const largest = Math.max(...token.top.map((one) => (one.afterword || {}).s || 0), 1e-12);
    for (const other of token.top) {
      const seen = other.afterword || {}, chosen = other.id === token.id;
      const line = make("tr", chosen ? "chosen" : ""), name = make("th", "", (chosen ? "› " : "") + visible(other.token));
      name.scope = "row";
      line.append(name);
      for (const [kind, x, full] of [["p", Math.exp(other.logprob), most], ["h", seen.future, 1], ["s", seen.s, largest]]) {
        const cell = make("td", kind, x == null ? "" : number(x)), bar = make("i");
        if (x != null) {
          bar.style.width = `${(100 * x) / full}%`;
          cell.append(bar);
        }
        line.append(cell);
      }
      body.append(line);
    }
    headed.append(head);
    table.append(headed, body);
    return table;
  }

  function add(choice, trace) {
    for (const entry of ((choice.logprobs || {}).content || [])) {
      const known = { probability: Math.exp(entry.logprob), surprisal: -entry.logprob, ...trace };
      tokens.push({ id: entry.id, text: entry.token, top: entry.top_logprobs || [], trace: known });
      const word = make("span", "w", entry.token);
      word.dataset.token = tokens.length - 1;
      told.append(word);
    }
    colour();
  }

  // The events of a stream: lines, of which those with data count.
  async function* events(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value: more, done } = await reader.read();
      if (done) return;
      const lines = (rest + more).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("data: ") && line !== "data: [DONE]") yield JSON.parse(line.slice(6));
    }
  }

  function say(text, wrong = false) {
    state.textContent = text;
    state.classList.toggle("wrong", wrong);
  }

  async function begin() {
    running = new AbortController();
    tokens = [];
    here = -1;
    tell.disabled = true;
    stop.disabled = false;
    told.replaceChildren(make("span", "lead", one("prompt").value));
    say("reading…");
    const headers = { "Content-Type": "application/json" }, secret = one("key-of-server");
    if (secret && secret.value) headers.Authorization = `Bearer ${secret.value}`;
    const body = { model: one("model").value, prompt: one("prompt").value, max_tokens: Number(one("tokens").value) || 60, stream: true, logprobs: 10, afterword: { trace: "candidates" } };
    if (one("seed").value.trim()) body.seed = one("seed").value.trim();
    try {
      const answer = await fetch("v1/completions", { method: "POST", headers, body: JSON.stringify(body), signal: running.signal });
      if (!answer.ok) throw new Error((await answer.json()).error.message);
      let ours = {};
      for await (const event of events(answer)) {
        if (event.error) throw new Error(event.error.message);
        for (const choice of event.choices || []) add(choice, event.afterword || {});
        if (event.afterword && event.afterword.stop) ours = event.afterword;
        say(`${tokens.length} tokens`);
      }
      say([`${tokens.length} tokens`, ours.preset, ours.seed == null ? null : `seed ${ours.seed}`, ours.stop].filter(Boolean).join(" · "));
    } catch (error) {
      if (error.name === "AbortError") say(`${tokens.length} tokens · stopped`);
      else say(error.message, true);
    }
    running = null;
    tell.disabled = false;
    stop.disabled = true;
    if (tokens.length) {
      told.tabIndex = 0;
      told.setAttribute("role", "group");
      told.setAttribute("aria-label", "The story. The arrow keys go from word to word and show why each was chosen.");
    }
  }

  one("try").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!running) begin();
  });
  stop.addEventListener("click", () => running && running.abort());
  one("tints").addEventListener("change", (event) => choose(event.target.value));
  const word = (event) => event.target.closest && event.target.closest(".w");
  for (const kind of ["mouseover", "click"]) told.addEventListener(kind, (event) => word(event) && explain(Number(word(event).dataset.token)));
  told.addEventListener("focus", () => tokens.length && !told.matches(":hover") && explain(Math.max(here, 0)));
  told.addEventListener("keydown", (event) => {
    if (!tokens.length || event.ctrlKey || event.altKey || event.metaKey) return;
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tokens.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    explain(Math.min(tokens.length - 1, Math.max(0, to)));
  });
  choose(data.tints[0].name);
})();
