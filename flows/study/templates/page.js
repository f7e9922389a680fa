"use strict";
(() => {
  const study = JSON.parse(document.getElementById("study").textContent);
  const place = "t2c-study:" + study.study + ":" + study.annotator;
  const at = (id) => document.getElementById(id);
  const total = study.items.length;
  const now = () => performance.now();
  let kept = { answers: {}, seconds: {}, index: 0 };
  let keeps = true;
  let view = "intro";
  let shown = 0;
  let busy = false;

  function load() {
    try {
      const text = localStorage.getItem(place);
      if (text === null) return;
      const found = JSON.parse(text);
      for (const item of study.items) {
        const answer = found.answers[item.id];
        if (answer >= 1 && answer <= 4) {
          kept.answers[item.id] = answer;
          kept.seconds[item.id] = Number(found.seconds[item.id]) || 0;
        }
      }
      kept.index = Math.min(Math.max(0, Number(found.index) || 0), total - 1);
    } catch (error) {
      keeps = error instanceof SyntaxError || error instanceof TypeError;
    }
  }

  function keep() {
    try {
      localStorage.setItem(place, JSON.stringify(kept));
    } catch (error) {
      keeps = false;
    }
    at("unkept").hidden = keeps;
  }

  const answered = () => study.items.filter((item) => item.id in kept.answers).length;
  const firstOpen = () => study.items.findIndex((item) => !(item.id in kept.answers));

  function show(name) {
    view = name;
    for (const one of ["intro", "question", "end"]) at(one).hidden = one !== name;
    at("progress").value = answered();
    at("count").textContent = answered() + " of " + total + " answered";
    if (name === "question") ask();
    if (name === "end") finish();
    at("unkept").hidden = keeps;
    window.scrollTo(0, 0);
  }

  function ask() {
    const item = study.items[kept.index];
    at("number").textContent = "Word " + (kept.index + 1) + " of " + total;
    at("word").textContent = item.word;
    const pictures = item.images.map((index, number) => {
      const picture = document.createElement("img");
      picture.src = study.images[index];
      picture.alt = "Picture " + (number + 1) + " of " + item.images.length;
      const cell = document.createElement("li");
      cell.append(picture);
      return cell;
    });
    at("collage").replaceChildren(...pictures);
    at("collage").className = "collage of" + Math.min(3, pictures.length);
    for (const button of document.querySelectorAll("[data-answer]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.answer) === kept.answers[item.id]));
    }
    at("back").disabled = kept.index === 0;
    at("forward").disabled = !(item.id in kept.answers);
    shown = now();
    at("heading").focus({ preventScroll: true });
  }

  function answer(value) {
    if (view !== "question" || busy) return;
    const item = study.items[kept.index];
    const before = kept.seconds[item.id] || 0;
    kept.answers[item.id] = value;
    kept.seconds[item.id] = Math.round((before + (now() - shown) / 1000) * 10) / 10;
    for (const button of document.querySelectorAll("[data-answer]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.answer) === value));
    }
    keep();
    busy = true;
    setTimeout(() => { busy = false; forward(); }, 140);
  }

  function forward() {
    if (view !== "question" || !(study.items[kept.index].id in kept.answers)) return;
    if (kept.index + 1 < total) {
      kept.index += 1;
      keep();
      show("question");
    } else if (firstOpen() >= 0) {
      kept.index = firstOpen();
      keep();
      show("question");
    } else {
      show("end");
    }
  }

  function back() {
    if (busy) return;
    if (view === "end") return show("question");
    if (view !== "question" || kept.index === 0) return;
    kept.index -= 1;
    keep();
    show("question");
  }

  function checksum(lines) {
    let sum = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(lines.join("\n"))) {
      sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 0x100000001b3n);
    }
    return sum.toString(16).padStart(16, "0");
  }

  function result() {
    const ids = study.items.map((item) => item.id).sort();
    const lines = [study.study, study.annotator, ...ids.map((id) => id + "=" + kept.answers[id])];
    return JSON.stringify({
      format: "t2c-study-answers", version: 1, study: study.study, annotator: study.annotator,
      answers: kept.answers, seconds: kept.seconds, checksum: checksum(lines),
    }, null, 1) + "\n";
  }

  function finish() {
    at("text").value = result();
    at("done").focus({ preventScroll: true });
  }

  function save() {
    if (firstOpen() >= 0) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([result()], { type: "application/json" }));
    link.download = study.annotator + "-" + study.study.slice(0, 12) + ".json";
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    at("saved").hidden = false;
    at("saved").textContent = "Saved as " + link.download + ". Send this file back.";
  }

  function begin() {
    if (firstOpen() < 0) show("end");
    else show("question");
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    if (event.target instanceof HTMLTextAreaElement) return;
    if (/^[1-4]$/.test(event.key)) answer(Number(event.key));
    else if (event.key === "ArrowLeft" || event.key === "Backspace") back();
    else if (event.key === "ArrowRight") forward();
    else return;
    event.preventDefault();
  });
  for (const button of document.querySelectorAll("[data-answer]")) {
    button.addEventListener("click", () => answer(Number(button.dataset.answer)));
  }
  at("begin").addEventListener("click", begin);
  at("back").addEventListener("click", back);
  at("forward").addEventListener("click", forward);
  at("again").addEventListener("click", back);
  at("save").addEventListener("click", save);

  load();
  if (answered() > 0) {
    at("welcome").hidden = false;
    at("welcome").textContent = "Welcome back: " + answered() + " of " + total + " are answered already.";
    at("begin").textContent = "Go on";
  }
  at("ready").hidden = false;
  show("intro");
  at("begin").focus();
})();
