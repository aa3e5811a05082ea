"use strict";
// Lights up the way of the flows that pass whatever has the pointer or the focus, or was clicked.
(() => {
  const picture = document.getElementById("picture");
  const state = document.getElementById("state");
  const chooser = document.querySelector(".chooser");
  const parts = [...document.querySelectorAll("[data-flows]")];
  const flows = new Map(parts.map((p) => [p, p.dataset.flows.split(" ").filter(Boolean)]));
  const sets = new Map(parts.map((p) => [p, new Set(flows.get(p))]));
  const nodes = [...picture.querySelectorAll(".node")];
  const links = [...picture.querySelectorAll(".link")];
  const from = new Map(links.map((l) => [l, document.getElementById(l.dataset.from)]));
  const to = new Map(links.map((l) => [l, document.getElementById(l.dataset.to)]));
  const height = (n) => Number(n.querySelector(".card").getAttribute("y"));
  const sorted = (ends) => [...links].sort((a, b) => height(ends.get(a)) - height(ends.get(b)));
  const out = new Map(nodes.map((n) => [n, sorted(to).filter((l) => from.get(l) === n)]));
  const into = new Map(nodes.map((n) => [n, sorted(from).filter((l) => to.get(l) === n)]));
  let held = null;

  const passes = (part, flow) => sets.get(part).has(flow);
  const inPicture = (part) => out.has(part) || from.has(part);
  // A line of a table stands for what it tells of.
  const meant = (part) => (part && part.dataset.of ? document.getElementById(part.dataset.of) : part);

  // wander adds to found where a flow may have gone on from a node at which its trail ends: all links from
  // there, and the nodes at their other ends, up to those that the flow is known to pass.
  function wander(start, flow, next, end, found) {
    const todo = [start];
    while (todo.length) {
      for (const l of next.get(todo.pop())) {
        const n = end.get(l);
        found.add(l);
        if (found.has(n) || passes(n, flow)) continue;
        found.add(n);
        todo.push(n);
      }
    }
  }

  // guess returns what flows may pass, too. Not every flow was followed over all hops.
  function guess(wanted, part) {
    const found = new Set();
    for (const [next, end] of [[out, to], [into, from]]) {
      if (!wanted.length && next.has(part)) wander(part, "", next, end, found);
      for (const flow of wanted) {
        for (const n of nodes) {
          if (passes(n, flow) && !next.get(n).some((l) => passes(l, flow))) wander(n, flow, next, end, found);
        }
      }
    }
    return found;
  }

  function show(part) {
    for (const p of parts) p.classList.remove("on", "maybe", "here");
    picture.classList.toggle("lit", Boolean(part));
    if (!part) {
      state.textContent = "Point at a node, link or path to see the way of its flows. Click to hold it. Arrow keys walk along links.";
      return;
    }
    const wanted = flows.get(part);
    for (const p of parts) {
      if (meant(p) === part || wanted.some((f) => passes(p, f))) p.classList.add("on");
    }
    for (const p of guess(wanted, part)) p.classList.add("maybe");
    part.classList.add("here");
    state.textContent = `${held ? "Held until Escape or a click: " : ""}${part.dataset.name} · ${part.dataset.which}`;
  }

  function hold(part) {
    held = part === held ? null : part;
    for (const p of parts) {
      if (p.hasAttribute("aria-pressed")) p.setAttribute("aria-pressed", String(p === held));
    }
    show(held || part);
  }

  // step returns where an arrow key leads: along links, or up and down between the nodes of a column and the links of a node.
  function step(part, key) {
    const node = out.has(part);
    const peers = node
      ? nodes.filter((n) => n.dataset.column === part.dataset.column).sort((a, b) => height(a) - height(b))
      : out.get(from.get(part));
    switch (key) {
      case "ArrowRight": return node ? out.get(part)[0] : to.get(part);
      case "ArrowLeft": return node ? into.get(part)[0] : from.get(part);
      case "ArrowUp": return peers[peers.indexOf(part) - 1] || part;
      case "ArrowDown": return peers[peers.indexOf(part) + 1] || part;
    }
    return null;
  }

  const near = (event) => meant(event.target.closest ? event.target.closest("[data-flows]") : null);
  const point = (event) => { if (!held) show(near(event)); };
  const leave = () => { if (!held) show(null); };
  document.addEventListener("pointerover", point);
  document.documentElement.addEventListener("pointerleave", leave);
  document.addEventListener("focusout", leave);
  document.addEventListener("focusin", (event) => {
    const part = near(event);
    if (inPicture(part) && picture.contains(event.target)) {
      // One stop of the Tab key is enough for the whole picture: where one was last.
      for (const p of picture.querySelectorAll('[tabindex="0"]')) p.setAttribute("tabindex", "-1");
      part.setAttribute("tabindex", "0");
    }
    point(event);
  });
  document.addEventListener("click", (event) => {
    const selecting = !document.getSelection().isCollapsed && !picture.contains(event.target);
    if (!selecting) hold(near(event));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hold(null);
    const part = near(event);
    if (!inPicture(part) || !picture.contains(event.target)) return;
    const next = step(part, event.key);
    if (next) next.focus();
    else if (event.key === "Enter" || event.key === " ") hold(part);
    else return;
    event.preventDefault();
  });

  for (const p of [...nodes, ...links]) {
    p.setAttribute("tabindex", p === nodes[0] ? "0" : "-1");
    p.setAttribute("role", "button");
  }
  for (const p of [...nodes, ...links, ...chooser.children]) p.setAttribute("aria-pressed", "false");
  chooser.hidden = !chooser.children.length;
  state.hidden = false;
  show(null);
})();
