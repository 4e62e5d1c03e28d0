"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const [ARM, PROMPT, NAME, TEXT] = [0, 1, 2, 3];

  // Every answer is a line of the file: which pair, and what was said of it. Lines are only ever added.
  let said = [];
  let kept = true;
  try {
    const before = JSON.parse(localStorage.getItem(data.key) || "{}");
    said = (before.said || []).filter((line) => Array.isArray(line) && line[0] in data.pairs);
    element("judge").value = before.judge || "";
  } catch {
    kept = false;
  }

  const keep = () => {
    try {
      localStorage.setItem(data.key, JSON.stringify({ judge: element("judge").value, said }));
      kept = true;
    } catch {
      kept = false;
    }
    element("unkept").hidden = kept;
  };

  // The answers that stand, in the order in which they were given.
  const standing = () => {
    const answers = new Map();
    for (const [pair, choice] of said) {
      answers.delete(pair);
      if (choice !== "undone") answers.set(pair, choice);
    }
    return answers;
  };

  const next = (answers) => data.pairs.findIndex((_, pair) => !answers.has(pair));

  const tell = (id, text) => {
    const place = element(id);
    place.textContent = text.trim() || "(nothing was told)";
    place.classList.toggle("empty", !text.trim());
  };

  let asked = -1;
  const show = () => {
    const answers = standing();
    asked = next(answers);
    element("progress").textContent = `${answers.size} of ${data.pairs.length} judged`;
    element("question").hidden = asked < 0;
    element("done").hidden = asked >= 0;
    for (const id of ["undo", "back"]) element(id).disabled = answers.size === 0;
    if (asked < 0) return;
    const [a, b] = data.pairs[asked].map((tale) => data.tales[tale]);
    element("prompt").textContent = data.prompts[a[PROMPT]][1];
    tell("a", a[TEXT]);
    tell("b", b[TEXT]);
    scrollTo(0, 0);
  };

  const answer = (choice) => {
    if (asked < 0) return;
    said.push([asked, choice]);
    keep();
    show();
  };

  const undo = () => {
    const last = [...standing().keys()].pop();
    if (last === undefined) return;
    said.push([last, "undone"]);
    keep();
    show();
  };

  const word = (digits) => new TextDecoder().decode(Uint8Array.from(digits.match(/../g) || [], (two) => parseInt(two, 16)));

  const lines = () => {
    const judge = element("judge").value.trim();
    const side = (tale) => ({ arm: word(data.arms[tale[ARM]]), story: tale[NAME] });
    const line = ([pair, choice]) => {
      const [a, b] = data.pairs[pair].map((tale) => data.tales[tale]);
      const whole = { format: data.format };
      if (judge) whole.judge = judge;
      Object.assign(whole, { round: data.round, prompt: data.prompts[a[PROMPT]][0], a: side(a), b: side(b) });
      if (data.words !== null) whole.words = data.words;
      return JSON.stringify(Object.assign(whole, { choice })) + "\n";
    };
    return said.map(line).join("");
  };

  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines()], { type: "application/jsonl" }));
    const judge = element("judge").value.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
    link.download = judge ? `judgements-${judge}.jsonl` : "judgements.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  for (const button of document.querySelectorAll("[data-choice]")) {
    button.addEventListener("click", () => answer(button.dataset.choice));
  }
  element("undo").addEventListener("click", undo);
  element("back").addEventListener("click", undo);
  element("save").addEventListener("click", save);
  element("judge").addEventListener("input", keep);
  const keys = { a: "a", b: "b", t: "tie", s: "skip" };
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "u") undo();
    else if (key in keys) answer(keys[key]);
  });
  keep();
  show();
})();
