"use strict";
(() => {
  const ROWS_SHOWN = 1000;
  const XSD = "http://www.w3.org/2001/XMLSchema#";
  const NUMBERS = new Set(["integer", "decimal", "double", "float", "int", "long",
    "nonNegativeInteger"].map((name) => XSD + name));
  const $ = (id) => document.getElementById(id);
  const prefixes = [...$("prefixes").querySelectorAll("dt")]
    .map((term) => [term.textContent, term.nextElementSibling.textContent])
    .sort((a, b) => b[1].length - a[1].length);
  let running = null;
  let answered = null;

  function element(name, text, properties = {}) {
    const made = Object.assign(document.createElement(name), properties);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function shorten(iri) {
    for (const [prefix, namespace] of prefixes) {
      const rest = iri.slice(namespace.length);
      if (iri.startsWith(namespace) && /^[\w-]+$/.test(rest)) return prefix + rest;
    }
    return iri;
  }

  function cell(term) {
    const made = element("td");
    if (term === undefined) return made;
    if (term.type === "uri") {
      if (/^https?:/.test(term.value)) {
        made.append(element("a", shorten(term.value),
          { href: term.value, title: term.value, target: "_blank", rel: "noopener noreferrer" }));
      } else {
        made.append(element("code", shorten(term.value)));
      }
    } else if (term.type === "bnode") {
      made.append(element("code", "_:" + term.value));
    } else {
      made.append(term.value);
      if (NUMBERS.has(term.datatype)) made.className = "number";
      else if (term["xml:lang"]) made.append(element("span", " @" + term["xml:lang"], { className: "tag" }));
      else if (term.datatype) made.append(element("span", " " + shorten(term.datatype), { className: "tag" }));
    }
    return made;
  }

  function head(names, numbers = []) {
    const row = element("tr");
    for (const name of names) row.append(element("th", name, { scope: "col" }));
    for (const name of numbers) row.append(element("th", name, { scope: "col", className: "number" }));
    const made = element("thead");
    made.append(row);
    return made;
  }

  function showRows(document_) {
    const names = document_.head.vars;
    const rows = document_.results.bindings;
    const table = element("table");
    table.append(head(names));
    const body = element("tbody");
    for (const row of rows.slice(0, ROWS_SHOWN)) {
      const line = element("tr");
      for (const name of names) line.append(cell(row[name]));
      body.append(line);
    }
    table.append(body);
    const box = element("div", undefined, { className: "scroll", tabIndex: 0 });
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Rows of the answer");
    box.append(table);
    $("answer").replaceChildren(box);
    const shown = rows.length > ROWS_SHOWN ? `; the first ${ROWS_SHOWN} are shown` : "";
    return `${rows.length} ${rows.length === 1 ? "row" : "rows"}${shown}`;
  }

  async function show(response) {
    $("answer").hidden = false;
    if ((response.headers.get("Content-Type") || "").includes("json")) {
      const document_ = await response.json();
      if ("boolean" in document_) {
        $("answer").replaceChildren(element("p", document_.boolean ? "Yes." : "No."));
        offerDiagnosis(!document_.boolean);
        return "answered";
      }
      offerDiagnosis(document_.results.bindings.length === 0);
      return showRows(document_);
    }
    const text = await response.text();
    const box = element("div", undefined, { className: "scroll", tabIndex: 0 });
    box.append(element("pre", text));
    $("answer").replaceChildren(box);
    const empty = text.split("\n").every((line) => line.trim() === "" || line.startsWith("@prefix"));
    offerDiagnosis(empty);
    return empty ? "an empty graph" : "a graph";
  }

  function offerDiagnosis(empty) {
    $("emptiness").hidden = !empty;
    $("diagnosis").replaceChildren();
  }

  function showDiagnosis(diagnosis) {
    const list = element("ol");
    for (const loss of diagnosis.losses) {
      const item = element("li");
      item.append(element("p", loss.text), ...loss.patterns.map((pattern) => element("pre", pattern)));
      if (loss.notes.length) {
        const notes = element("ul");
        notes.append(...loss.notes.map((note) => element("li", note)));
        item.append(notes);
      }
      list.append(item);
    }
    const cautions = diagnosis.cautions.map((text) => element("p", text, { className: "partial" }));
    $("diagnosis").replaceChildren(...(list.firstChild ? [list] : []), ...cautions,
      element("p", diagnosis.effort, { className: "hint" }));
    const places = diagnosis.losses.length;
    if (places === 0) return "no place was found at which rows were lost";
    return places === 1 ? "rows were lost at one place" : `rows were lost at ${places} places`;
  }

  async function showCertificate(identifier, signal) {
    const response = await fetch("certificates/" + identifier, { signal });
    if (!response.ok) return;
    const { certificate } = await response.json();
    if (!certificate) return;
    $("statement").textContent = certificate.statement;
    $("statement").className = certificate.complete ? "" : "partial";
    const body = element("tbody");
    for (const member of certificate.members) {
      const line = element("tr");
      line.append(element("td", member.name), element("td", member.error || member.standing));
      for (const value of [member.requests, member.rows, member.bytes, member.milliseconds]) {
        line.append(element("td", value.toLocaleString("en"), { className: "number" }));
      }
      body.append(line);
    }
    $("reports").replaceChildren(
      head(["member", "standing"], ["requests", "rows", "bytes", "milliseconds"]), body);
    $("certificate").hidden = false;
    $("plan").open = false;
    $("drawing").replaceChildren();
    $("queries").replaceChildren();
  }

  async function showPlan() {
    if (!$("plan").open || $("drawing").firstChild) return;
    const identifier = answered;
    $("drawing").textContent = "Drawing …";
    try {
      const response = await fetch("plans/" + identifier);
      if (!response.ok) throw new Error((await response.text()).trimEnd());
      const plan = await response.json();
      if (identifier !== answered) return;
      const picture = new DOMParser().parseFromString(plan.svg, "image/svg+xml").documentElement;
      $("drawing").replaceChildren(document.importNode(picture, true));
      $("queries").replaceChildren(...plan.queries.map(showQuery));
    } catch (error) {
      if (identifier === answered) $("drawing").replaceChildren(element("p", explain(error)));
    }
  }

  function showQuery(query) {
    const made = element("details");
    const names = query.members.slice(0, 5).join(", ");
    const more = query.members.length > 5 ? ` and ${query.members.length - 5} more` : "";
    const how = !query.asked ? ", not asked in the end" : query.bound ? ", with bindings" : "";
    made.append(element("summary", `[${query.number}] ${names}${more}${how}`), element("pre", query.text));
    return made;
  }

  async function ask(accept, signal) {
    const form = new URLSearchParams(new FormData($("form")));
    const response = await fetch("sparql", { method: "POST", body: form, headers: { Accept: accept }, signal });
    if (!response.ok) throw new Error((await response.text()).trimEnd());
    return response;
  }

  function explain(error) {
    if (error.name === "AbortError") return "Stopped.";
    return error instanceof TypeError
      ? "The connection broke before the answer's end; nothing of it is shown." : error.message;
  }

  async function work(task) {
    if (running) running.abort();
    const mine = running = new AbortController();
    $("stop").disabled = false;
    $("problem").replaceChildren();
    $("status").textContent = "Asking the members …";
    const started = performance.now();
    try {
      const said = await task(mine.signal);
      $("status").textContent = `${said}, ${((performance.now() - started) / 1000).toFixed(2)} s`;
    } catch (error) {
      if (running !== mine) return;
      $("status").textContent = "";
      $("problem").replaceChildren(element("pre", explain(error)));
    } finally {
      if (running === mine) {
        running = null;
        $("stop").disabled = true;
      }
    }
  }

  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    $("answer").hidden = $("certificate").hidden = $("emptiness").hidden = true;
    $("download").disabled = true;
    work(async (signal) => {
      const response = await ask("application/sparql-results+json, text/turtle;q=0.9", signal);
      answered = response.headers.get("HKG-Answer");
      const said = await show(response);
      $("download").disabled = $("answer").querySelector("table") === null;
      await showCertificate(answered, signal);
      return said + (response.headers.get("HKG-Complete") === "false" ? " (partial)" : "");
    });
  });

  $("download").addEventListener("click", () => work(async (signal) => {
    const blob = await (await ask("text/csv", signal)).blob();
    const link = element("a", undefined, { href: URL.createObjectURL(blob), download: "answer.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    return "saved";
  }));

  $("why").addEventListener("click", () => work(async (signal) => {
    const response = await fetch("diagnoses/" + answered, { method: "POST", signal });
    if (!response.ok) throw new Error((await response.text()).trimEnd());
    return showDiagnosis(await response.json());
  }));

  $("plan").addEventListener("toggle", showPlan);
  $("stop").addEventListener("click", () => running && running.abort());
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      $("form").requestSubmit();
    }
  });
})();
