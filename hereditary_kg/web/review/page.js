"use strict";
(() => {
  const KEYS = { e: "exact", b: "broad", n: "narrow", c: "close", 0: "not", s: "skip" };
  const SIGNS = { exact: "=", broad: "\u2282", narrow: "\u2283", close: "\u2248", not: "\u2260", skip: "skipped" };
  const WORDS = {
    exact: "means the same as", broad: "is a kind of", narrow: "is broader than",
    close: "is close to", not: "is not",
  };
  const SCOPES = {
    exact: "Exact synonyms", previous: "Given up", narrow: "Narrow synonyms",
    broad: "Broad synonyms", related: "Related synonyms",
  };
  const ROLES = {
    second: "You are the second reader. Somebody else has decided on this, and you are not told what.",
    arbiter: "Two readers disagree: your decision is the one that counts.",
  };
  const AGAIN = 4000;
  const $ = (id) => document.getElementById(id);
  const buttons = [...document.querySelectorAll("[data-decision]")];
  let item = null;
  let busy = false;
  let waiting = null;

  function element(name, text, properties = {}) {
    const made = Object.assign(document.createElement(name), properties);
    if (text !== undefined && text !== null) made.textContent = text;
    return made;
  }

  function number(count, noun) {
    return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  }

  function named(term) {
    const made = element("span");
    if (term.label) made.append(term.label + " ");
    made.append(element("span", term.id, { className: "code" }));
    return made;
  }

  function list(title, entries) {
    const items = element("ul");
    for (const entry of entries) {
      const line = element("li");
      line.append(entry);
      items.append(line);
    }
    return [element("h3", title), items];
  }

  function card(term, side) {
    const shared = new Set(term.shared);
    const marked = (text) => (shared.has(text) ? element("mark", text, { title: "A name of both terms" }) : text);
    const made = element("article", undefined, { className: "card" });
    made.setAttribute("aria-label", `${side} term`);
    const line = element("div", undefined, { className: "id" });
    line.append(term.iri
      ? element("a", term.id, { href: term.iri, target: "_blank", rel: "noopener noreferrer", className: "code" })
      : element("span", term.id, { className: "code" }));
    line.append(element("span", term.terminology || "in no terminology of the hub"));
    const head = element("h2");
    head.append(term.label ? marked(term.label) : term.id);
    made.append(line, head);
    if (term.obsolete) {
      const told = element("p", "Obsolete", { className: "obsolete" });
      term.replacedBy.forEach((each) => told.append(", replaced by ", named(each)));
      made.append(told);
    }
    made.append(term.definition ? element("p", term.definition)
      : element("p", "No definition.", { className: "absent" }));
    for (const [scope, texts] of term.synonyms) {
      const first = [...texts].sort((a, b) => shared.has(b) - shared.has(a));
      made.append(...list(SCOPES[scope] || scope, first.map(marked)));
    }
    if (term.parents.length) made.append(...list("Parents", term.parents.map(named)));
    if (term.wholes.length) made.append(...list("Part of", term.wholes.map(named)));
    if (term.childCount) {
      const more = term.childCount - term.children.length;
      const entries = term.children.map(named);
      if (more > 0) entries.push(element("span", `and ${more.toLocaleString("en")} more`, { className: "absent" }));
      made.append(...list(number(term.childCount, "child").replace("childs", "children"), entries));
    }
    return made;
  }

  function claims(title, entries) {
    if (!entries.length) return [];
    const items = element("ul");
    for (const claim of entries) {
      const line = element("li");
      line.append(named(claim.subject), claim.denied ? " not " : " ",
        element("b", claim.predicate.replace(/^skos:/, "").replace(/Match$/, "")), " ", named(claim.object));
      const facts = [claim.justification, claim.confidence === null ? "" : `confidence ${claim.confidence}`,
        claim.author, claim.source];
      line.append(element("span", facts.filter(Boolean).join(" \u00b7 "), { className: "source" }));
      items.append(line);
    }
    return [element("h2", title), items];
  }

  function sentence() {
    const said = item.proposals.map((each) => (each.decision ? WORDS[each.decision] : each.predicate));
    const [left, right] = item.cards.map((each) => each.label || each.id);
    return ["Proposed: ", left, " ", element("b", [...new Set(said)].join(" or ")), " ", right];
  }

  function stakes() {
    const count = (found) => element("b", number(found, "record"));
    const made = [];
    if (item.records) made.push(count(item.records), " with these codes");
    if (item.below) made.push(item.records ? ", " : "", count(item.below), " with codes below them");
    if (!made.length) made.push("No records with these codes or below them are known");
    if (item.queries.length) {
      const names = item.queries.slice(0, 3).join(", ") + (item.queries.length > 3 ? " \u2026" : "");
      made.push("; ", element("b", number(item.queries.length, "query").replace("querys", "queries")), ` (${names})`);
    }
    return [...made, "."];
  }

  function showItem() {
    const [left, right] = item.cards;
    $("sentence").replaceChildren(...sentence());
    $("stakes").replaceChildren(...stakes());
    let role = ROLES[item.role] || "";
    for (const vote of item.votes) role += ` ${vote.reviewer} (${vote.date}): ${vote.decision}.`;
    $("role").textContent = role;
    $("role").hidden = !role;
    $("cards").replaceChildren(card(left, "Left"), card(right, "Right"));
    $("against").replaceChildren(...claims("Others say otherwise", item.disagreeing));
    $("for").replaceChildren(...claims("Others say the same", item.agreeing));
    $("facts").replaceChildren(...item.proposals.flatMap((each) => [
      element("dt", "predicate"), element("dd", each.predicate),
      ...each.facts.flatMap(([name, text]) => [element("dt", name), element("dd", text)])]));
    const proposed = new Set(item.proposals.map((each) => each.decision));
    for (const button of buttons) {
      const is = proposed.has(button.dataset.decision);
      button.classList.toggle("proposed", is);
      button.title = is ? "as proposed" : "";
    }
  }

  function showNothing(progress) {
    const open = progress.total - progress.settled;
    $("nothing-head").textContent = open ? "Nothing for you at the moment" : "All is decided";
    const others = open ? `${number(open, "pair")} wait for others, or for you after them.` : "";
    const mine = progress.skipped ? ` You skipped ${number(progress.skipped, "pair")}.` : "";
    $("nothing-text").textContent = others + mine;
    $("recall").hidden = !progress.skipped;
    clearTimeout(waiting);
    if (open) waiting = setTimeout(() => ask("state"), AGAIN);
  }

  function show(state) {
    const changed = !item || !state.item || item.subject !== state.item.subject || item.object !== state.item.object;
    item = state.item;
    const { progress } = state;
    $("bar").max = Math.max(progress.total, 1);
    $("bar").value = progress.settled;
    const parts = [`${progress.settled.toLocaleString("en")} of ${number(progress.total, "pair")} decided`];
    if (progress.half) parts.push(`${progress.half.toLocaleString("en")} half`);
    if (progress.disputed) parts.push(`${progress.disputed.toLocaleString("en")} disputed`);
    $("counts").textContent = parts.join(" \u00b7 ");
    $("item").hidden = !item;
    $("nothing").hidden = Boolean(item);
    $("undo").disabled = !state.last;
    for (const button of buttons) button.disabled = !item;
    complain(state.problem);
    if (item) showItem(); else showNothing(progress);
    if (changed) window.scrollTo(0, 0);
  }

  function complain(text) {
    $("problem").hidden = !text;
    $("problem").textContent = text || "";
  }

  async function ask(path, body) {
    if (busy) return false;
    busy = true;
    try {
      const response = await fetch(path, body === undefined ? {} : {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      const answer = await response.json();
      if (response.ok) {
        show(answer);
        return true;
      }
      complain(answer.error);
    } catch {
      complain("The review does not answer, and this was not decided. All before it is kept. "
        + "Start the review again, and open the address that it tells.");
    } finally {
      busy = false;
    }
    return false;
  }

  async function decide(decision) {
    if (!item) return;
    const [left, right] = item.cards.map((each) => each.label || each.id);
    const { subject, object } = item;
    if (await ask("decisions", { subject, object, decision })) {
      $("status").textContent = decision === "skip" ? `Skipped: ${left}, ${right}`
        : `Saved: ${left} ${SIGNS[decision]} ${right} (${decision})`;
    }
  }

  async function undo() {
    if ($("undo").disabled) return;
    if (await ask("undo", {})) $("status").textContent = "Taken back.";
  }

  function recall() {
    if (!$("recall").hidden && !item) ask("recall", {});
  }

  for (const button of buttons) button.addEventListener("click", () => decide(button.dataset.decision));
  $("undo").addEventListener("click", undo);
  $("recall").addEventListener("click", recall);
  $("keys").addEventListener("click", () => $("help").showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || $("help").open) return;
    const key = event.key.toLowerCase();
    if (key in KEYS) decide(KEYS[key]);
    else if (key === "u") undo();
    else if (key === "r") recall();
    else if (key === "?") $("help").showModal();
    else if (key === "x") $("status").textContent = "x decides nothing: e is exact, 0 is not.";
  });
  ask("state");
})();
