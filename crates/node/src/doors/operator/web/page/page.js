// The operator's page. Everything that comes from the node is put in as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

// Talking to the node ------------------------------------------------------------------------------

let session = null;

class Problem extends Error {
  constructor(status, body) {
    super(body.title || `the node answered ${status}`);
    Object.assign(this, { status, code: body.code, detail: body.detail, next: body.next });
  }
}

async function call(method, path, body) {
  const headers = {};
  if (session) headers["Comity-Csrf"] = session.csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin", cache: "no-store", redirect: "error",
  });
  const text = await answer.text();
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { value = { title: "the node's answer can't be read" }; }
  if (!answer.ok) {
    if (answer.status === 401 && session) show(null);
    throw new Problem(answer.status, value || {});
  }
  return value;
}

const get = (path) => call("GET", path);
const post = (path, body = {}) => call("POST", path, body);

/** A list, or null where this node has no such thing. */
const absent = new Set();
async function list(path) {
  if (absent.has(path)) return null;
  try { return await get(path); } catch (why) {
    if (why.status === 404) { absent.add(path); return null; }
    throw why;
  }
}

// Words --------------------------------------------------------------------------------------------

const now = () => Math.floor(Date.now() / 1000);
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const when = (at) => date.format(new Date(at * 1000));

/** `in 3 days`, `2 h ago`. */
function span(at) {
  const seconds = at - now();
  const far = Math.abs(seconds);
  const [n, unit] = far < 90 ? [far, "second"] : far < 5400 ? [far / 60, "minute"]
    : far < 172800 ? [far / 3600, "hour"] : [far / 86400, "day"];
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  return words.format(Math.round(n) * Math.sign(seconds), unit);
}

/** Name of an agent of ours, by its DID. */
const agentName = (did) => did.split(":").pop();
const groups = (hex) => hex.replace(/(.{4})/g, "$1 ").trim();
const mono = (text) => el("code", {}, text);

/** A party: its name, its host with the part that somebody registered set apart. */
function party(did, who) {
  if (!who || !who.host) return el("span", { class: "who mono" }, did);
  const name = who.handle ? who.handle.slice(0, who.handle.indexOf("@") + 1) : "";
  const [host, port] = [who.host.replace(/:\d+$/, ""), (who.host.match(/:\d+$/) || [""])[0]];
  const owner = who.registered || host;
  return el("span", { class: "who" }, name, el("span", { class: "low" }, host.slice(0, host.length - owner.length)),
    el("b", { class: "owner" }, owner), el("span", { class: "low" }, port));
}

const warnings = (texts) => texts && texts.length
  ? el("ul", { class: "warnings" }, texts.map((text) => el("li", {}, text))) : null;

// What this person may do --------------------------------------------------------------------------

function mayDecide(did) {
  const { role, agents } = session.operator;
  return role === "admin" || (role === "approver" && (!agents || agents.includes(agentName(did))));
}
const mayBlock = () => session.operator.role === "admin" || (session.operator.role === "approver" && !session.operator.agents);

function say(text) {
  const line = el("p", {}, text);
  $("news").replaceChildren(line);
  setTimeout(() => line.remove(), 8000);
}

/** Asks before something that cannot be undone. */
function sure(question, yes) {
  const dialog = $("ask");
  $("question").textContent = question;
  $("ask-yes").textContent = yes;
  dialog.showModal();
  // The buttons answer, not the closing: that is told late, when somebody may be asked again.
  return new Promise((done) => {
    const answer = (is) => () => { dialog.close(); done(is); };
    $("ask-yes").onclick = answer(true);
    $("ask-no").onclick = dialog.oncancel = answer(false);
  });
}

/** Runs an act; its buttons rest meanwhile. */
async function act(card, work) {
  const buttons = card.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  try { say(await work()); } catch (why) {
    say([why.message, why.detail, why.next && `→ ${why.next}`].filter(Boolean).join(" · "));
  }
  buttons.forEach((button) => { button.disabled = false; });
  await refresh();
}

// Knocks -------------------------------------------------------------------------------------------

/** What is on the screen, by who knocks at whom: it changes only with a word about it. */
const shown = new Map();
const pairOf = (knock) => `${knock.from} ${knock.to}`;

/** What differs from what was shown before, in words. */
function changes(before, knock) {
  const same = (name) => JSON.stringify(before[name]) === JSON.stringify(knock[name]);
  const told = [
    ["purpose", "what they say they want"], ["they_may_send", "what they may send"], ["you_may_send", "what you may send"],
    ["until", "until when"], ["first", "the first message"], ["fingerprint", "the key that proves them"],
    ["proved_by", "which key proves them"], ["replaces", "the grant that holds now"], ["warnings", "what is odd about them"],
    ["vouched_by", "who vouches for them"], ["not_vouched", "which vouches do not count"], ["invited", "whether you invited them"],
  ].filter(([name]) => !same(name)).map(([, words]) => words);
  return `This changed since you saw it: ${told.join(", ") || "their DID document"}. Look again before you decide.`;
}

function ticks(title, types) {
  const boxes = types.map((type) => {
    const box = el("input", { type: "checkbox", checked: true, value: type });
    const item = el("li", {}, el("label", { class: "tick" }, box, mono(type)));
    box.addEventListener("change", () => item.classList.toggle("off", !box.checked));
    return [box, item];
  });
  const node = [el("h3", {}, title), boxes.length
    ? el("ul", { class: "types" }, boxes.map(([, item]) => item)) : el("p", { class: "faint" }, "nothing")];
  const chosen = () => boxes.filter(([box]) => box.checked).map(([box]) => box.value);
  return { node, chosen, isAll: () => boxes.every(([box]) => box.checked) };
}

const typeList = (types) => types.length
  ? el("ul", { class: "types" }, types.map((type) => el("li", {}, mono(type)))) : el("p", { class: "faint" }, "nothing");

function replaces(live) {
  if (!live) return null;
  const part = (words, types, kind) => types.map((type) => el("p", { class: `small ${kind}` }, `${words} `, mono(type)));
  return el("div", {}, el("h3", {}, `Takes the place of a grant that holds until ${when(live.until)}`),
    part("they gain", live.they_gain, "gain"), part("they lose", live.they_lose, "lose"),
    part("you gain", live.you_gain, "gain"), part("you lose", live.you_lose, "lose"));
}

/** How they come here: by an invitation, with vouches that hold, with others that do not. */
function introductions(knock) {
  const [vouched, refused] = [knock.vouched_by ?? [], knock.not_vouched ?? []];
  const chain = (issuers) => el("li", {}, issuers.map((issuer, n) => [n ? " vouches for " : "", mono(issuer)]), " vouches for them");
  return [
    knock.invited ? el("p", { class: "small invited" }, "They come by an invitation of yours.") : null,
    vouched.length ? [el("h3", {}, "Who vouches for them"), el("ul", { class: "vouched" }, vouched.map(chain))] : null,
    refused.length ? [el("h3", {}, "Vouches that do not count"), el("ul", { class: "not-vouched" }, refused.map((why) => el("li", {}, why)))] : null,
  ];
}

function knockCard(knock, changed) {
  const decides = mayDecide(knock.to);
  const [they, you] = [ticks("They may send you", knock.they_may_send), ticks("You may send them", knock.you_may_send)];
  const ends = [["", `as asked: ${when(knock.until)}`], [3600, "for an hour"], [86400, "for a day"], [604800, "for a week"], [2592000, "for 30 days"]]
    .filter(([seconds]) => !seconds || now() + seconds < knock.until);
  const until = el("select", { id: `until-${knock.id}` }, ends.map(([value, words]) => el("option", { value }, words)));
  const uses = el("input", { id: `uses-${knock.id}`, type: "number", min: "1", step: "1", inputMode: "numeric", placeholder: "no limit" });
  const yes = el("button", { class: "yes approve" }, "Approve");
  const isNarrower = () => !they.isAll() || !you.isAll() || until.value !== "" || uses.value !== "";
  const card = el("article", { class: "card knock", id: `knock-${knock.id}` },
    el("h2", {}, party(knock.from, knock.who)), el("p", {}, "wants to work with ", el("b", {}, agentName(knock.to))),
    changed ? el("ul", { class: "warnings changed" }, el("li", {}, changed)) : null, warnings(knock.warnings),
    knock.who.unicode ? el("p", { class: "small" }, "the same host in its own letters: ", mono(knock.who.unicode)) : null,
    el("h3", {}, "Why, in their words (nobody checked them)"),
    knock.purpose ? el("blockquote", { class: "theirs" }, knock.purpose) : el("p", { class: "faint" }, "they gave no reason"),
    introductions(knock),
    decides ? [they.node, you.node]
      : [el("h3", {}, "They may send you"), typeList(knock.they_may_send), el("h3", {}, "You may send them"), typeList(knock.you_may_send)],
    decides ? el("div", { class: "pair" },
      el("div", {}, el("h3", {}, el("label", { htmlFor: until.id }, "Until")), until),
      el("div", {}, el("h3", {}, el("label", { htmlFor: uses.id }, "Messages at most, each side")), uses))
      : [el("h3", {}, "Until"), el("p", {}, when(knock.until))],
    replaces(knock.replaces),
    el("h3", {}, "First message"), knock.first
      ? el("p", { class: "small" }, mono(knock.first.type), `, ${knock.first.bytes} octets, waits at their node`) : el("p", { class: "faint" }, "none"),
    el("details", {}, el("summary", {}, "Who that is, and how it is proved"), el("dl", {},
      el("dt", {}, "DID"), el("dd", {}, mono(knock.from)),
      el("dt", {}, "Signed with"), el("dd", {}, mono(knock.proved_by)),
      el("dt", {}, "Fingerprint of that key: compare it with them by another way"), el("dd", {}, mono(groups(knock.fingerprint))),
      el("dt", {}, "What you approve"), el("dd", {}, mono(knock.approval)))),
    el("p", { class: "small faint" }, `Came ${span(knock.received)}. Decide ${span(knock.expires)}, or it counts as denied.`),
    decides ? el("div", { class: "buttons" }, yes, el("button", { class: "deny", onclick: () => deny(card, knock, false) }, "Deny"),
      mayBlock() ? el("button", { class: "no block", onclick: () => deny(card, knock, true) }, "Deny and block") : null)
      : el("p", { class: "small faint" }, `${session.operator.name} may look, and not decide this.`));
  card.addEventListener("input", () => { yes.textContent = isNarrower() ? "Approve only this" : "Approve"; });
  yes.addEventListener("click", () => act(card, async () => {
    const body = { approval: knock.approval };
    if (!they.isAll()) body.they_may_send = they.chosen();
    if (!you.isAll()) body.you_may_send = you.chosen();
    if (until.value) body.until = Math.min(now() + Number(until.value), knock.until);
    if (uses.value) body.uses = Number(uses.value);
    await post(`/v1/knocks/${encodeURIComponent(knock.id)}/approve`, body);
    return `${knock.who.handle || knock.from} may work with ${agentName(knock.to)} now.`;
  }));
  return card;
}

async function deny(card, knock, block) {
  const who = knock.who.handle || knock.from;
  if (block && !await sure(`Deny, and hear nothing from ${who} any more? Grants with them end.`, "Deny and block")) return;
  await act(card, async () => {
    const decided = await post(`/v1/knocks/${encodeURIComponent(knock.id)}/deny`, { block });
    return `${who}: ${decided.outcome}.`;
  });
}

function drawKnocks(knocks) {
  const place = $("knocks");
  const keys = new Set(knocks.map(pairOf));
  for (const [key, { card }] of shown) {
    if (!keys.has(key)) { card.remove(); shown.delete(key); }
  }
  for (const knock of knocks) {
    const before = shown.get(pairOf(knock));
    const text = JSON.stringify(knock);
    if (before && before.text === text) continue;
    const card = knockCard(knock, before && changes(before.knock, knock));
    if (before) before.card.replaceWith(card); else place.append(card);
    shown.set(pairOf(knock), { knock, text, card });
  }
}

// Everything else ----------------------------------------------------------------------------------

/** Draws a list again only if it changed, so that nothing moves under a finger. */
const drawn = new Map();
function draw(id, rows, one, none) {
  const text = JSON.stringify(rows);
  if (drawn.get(id) === text) return;
  drawn.set(id, text);
  $(id).replaceChildren(...rows.map(one), ...(rows.length || !none ? [] : [el("p", { class: "quiet" }, none)]));
}

function parkedCard(parked) {
  const answer = el("textarea", { id: `answer-${parked.delivery}`, maxLength: 2000, placeholder: "Your answer" });
  const card = el("article", { class: "card parked", id: `parked-${parked.delivery}` },
    el("h2", {}, agentName(parked.to), " asks you"),
    el("blockquote", { class: "theirs" }, parked.question),
    el("p", { class: "small faint" }, "about ", mono(parked.type), " from ", mono(parked.from), `. The agent's words may quote them. Answer ${span(parked.until)}.`),
    mayDecide(parked.to) ? [el("h3", {}, el("label", { htmlFor: answer.id }, "Answer")), answer,
      el("div", { class: "buttons" }, el("button", { class: "yes", onclick: () => act(card, async () => {
        await post(`/v1/parked/${encodeURIComponent(parked.delivery)}/answer`, { answer: answer.value, number: parked.number });
        return `${agentName(parked.to)} goes on with your answer.`;
      }) }, "Answer"))] : null);
  return card;
}

function heldCard(row) {
  const card = el("article", { class: "card held" },
    el("p", {}, el("b", {}, agentName(row.from)), " wants to write to ", mono(row.to), " (", mono(row.type), ") and would have to knock there first."),
    mayDecide(row.from) ? el("div", { class: "buttons" }, el("button", { class: "yes", onclick: () => act(card, async () =>
      (await post(`/v1/held/${encodeURIComponent(row.id)}/allow`)).outcome) }, "Let it knock")) : null);
  return card;
}

/** `3 of 5 messages`. */
function used(grant) {
  const most = grant.most_uses ? ` of ${grant.most_uses}` : "";
  const rate = grant.rate ? ` (${grant.rate.messages} in ${grant.rate.seconds} s)` : "";
  return `${grant.uses}${most} ${(grant.most_uses || grant.uses) === 1 ? "message" : "messages"}${rate}`;
}

function grantCard(grant) {
  const card = el("article", { class: "card grant", id: `grant-${grant.id}` },
    el("h2", {}, party(grant.peer, grant.who)), el("p", {}, "with ", el("b", {}, agentName(grant.ours)),
      grant.state === "active" ? "" : ` · ${grant.state}`, ` · until ${when(grant.until)} · ${used(grant)} accepted`),
    grant.state === "suspended" ? el("ul", { class: "warnings" }, el("li", {}, "Suspended: their keys changed, or they broke off. On the node's machine: comity grant resume")) : null,
    grant.note ? el("p", { class: "small" }, `Your note: ${grant.note}`) : null,
    el("details", {}, el("summary", {}, "What each may send"), el("dl", {},
      el("dt", {}, "They may send"), el("dd", {}, typeList(grant.they_may_send)),
      el("dt", {}, "You may send"), el("dd", {}, typeList(grant.we_may_send)),
      el("dt", {}, "Granted by"), el("dd", {}, `${grant.decided_by}, ${when(grant.created)}`),
      el("dt", {}, "Peer"), el("dd", {}, mono(grant.peer)), el("dt", {}, "Grant"), el("dd", {}, mono(grant.id)))),
    mayDecide(grant.ours) ? el("div", { class: "buttons" }, el("button", { class: "no revoke", onclick: async () => {
      if (!await sure(`End this now? Mail under way between ${agentName(grant.ours)} and them is cancelled, and they are told.`, "Revoke")) return;
      await act(card, async () => {
        await post(`/v1/grants/${encodeURIComponent(grant.id)}/revoke`);
        return "Revoked. Nothing more is accepted from them.";
      });
    } }, "Revoke")) : null);
  return card;
}

function peerCard(peer) {
  const grants = peer.grants.map(([agent, state]) => `${agentName(agent)}: ${state}`).join(", ");
  const card = el("article", { class: "card peer" }, el("div", { class: "row" },
    el("div", {}, el("div", {}, party(peer.did, peer.who), peer.blocked ? el("b", { class: "lose" }, " · blocked") : null),
      el("div", { class: "small faint" }, `${grants || "no grant"} · known since ${when(peer.first_seen)}`)),
    mayBlock() ? el("button", { class: peer.blocked ? "" : "no", onclick: async () => {
      const what = peer.blocked ? "unblock" : "block";
      if (!peer.blocked && !await sure("Hear nothing from them any more? Grants with them end.", "Block")) return;
      await act(card, async () => (await post(`/v1/peers/${what}`, { did: peer.did })).outcome);
    } }, peer.blocked ? "Unblock" : "Block") : null), warnings(peer.warnings));
  return card;
}

const decisionLine = (one) => el("li", {}, el("b", {}, one.what), " by ", one.by,
  el("span", { class: "faint small" }, ` · ${when(one.at)}`), el("div", { class: "small" }, one.agent ? `${agentName(one.agent)} with ` : "", mono(one.about)));

/** A link to a knock that waits no more says what became of it. */
async function follow(knocks) {
  const id = new URLSearchParams(location.hash.slice(1)).get("knock");
  const asked = new URLSearchParams(location.hash.slice(1)).get("parked");
  const question = asked && $(`parked-${asked}`);
  if (question && !question.classList.contains("linked")) { question.classList.add("linked"); question.scrollIntoView({ block: "start" }); }
  for (const { card } of shown.values()) card.classList.remove("linked");
  if (!id) { $("linked").replaceChildren(); return; }
  const card = $(`knock-${id}`);
  if (card) {
    card.classList.add("linked");
    $("linked").replaceChildren();
    if (followed !== id) card.scrollIntoView({ block: "start" });
  } else if (followed !== id || knocks.length !== counted) {
    const all = await get("/v1/knocks?all=true");
    const one = all.find((knock) => knock.id === id);
    $("linked").replaceChildren(el("p", { class: "card" }, one
      ? `The knock of ${one.who.handle || one.from} at ${agentName(one.to)} does not wait any more: ${one.state}.` : "There is no such knock at this node."));
  }
  [followed, counted] = [id, knocks.length];
}
let [followed, counted] = ["", 0];

// The page itself ----------------------------------------------------------------------------------

async function refresh() {
  if (!session) return;
  const [knocks, parked, held, grants, peers, decisions] = await Promise.all([
    get("/v1/knocks"), list("/v1/parked"), list("/v1/held"), get("/v1/grants"), get("/v1/peers"), get("/v1/decisions?limit=20"),
  ]);
  drawKnocks(knocks);
  const holds = (held || []).filter((row) => /operator/.test(row.reason || ""));
  draw("parked", parked || [], parkedCard);
  draw("held", holds, heldCard);
  const known = new Map(peers.map((peer) => [peer.did, peer.who]));
  const live = grants.filter((grant) => grant.state !== "offered").map((grant) => ({ ...grant, who: known.get(grant.peer) }));
  draw("grants", live, grantCard, "Nobody may work with your agents.");
  draw("peers", peers, peerCard, "Nobody is known yet.");
  draw("decisions", decisions, decisionLine, "Nothing was decided yet.");
  const waiting = knocks.length + (parked || []).length + holds.length;
  $("nothing").hidden = waiting > 0;
  document.title = waiting ? `(${waiting}) Comity` : "Comity";
  await follow(knocks);
}

function show(signedIn) {
  session = signedIn;
  $("sign-in").hidden = Boolean(session);
  $("desk").hidden = $("me").hidden = !session;
  if (session) {
    $("host").textContent = session.host;
    const { name, role, agents } = session.operator;
    $("name").textContent = agents ? `${name}, ${role} of ${agents.join(", ")}` : `${name}, ${role}`;
    return;
  }
  $("news").replaceChildren();
  shown.clear();
  drawn.clear();
  for (const id of ["knocks", "parked", "held", "grants", "peers", "decisions"]) $(id).replaceChildren();
  document.title = "Comity";
  $("token").focus();
}

async function keepFresh() {
  if (session && !document.hidden) {
    try { await refresh(); } catch (why) { if (why.status !== 401) say(`The node does not answer: ${why.message}`); }
  }
  setTimeout(keepFresh, 3000);
}

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const signedIn = await post("/session", { token: $("token").value });
    $("token").value = "";
    show(signedIn);
    await refresh();
  } catch (why) { say(why.status === 401 ? "This token is not known here." : why.message); }
});
$("sign-out").addEventListener("click", async () => {
  try { await call("DELETE", "/session"); } finally { show(null); }
});
window.addEventListener("hashchange", () => { followed = ""; refresh(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().catch(() => {}); });

(async () => {
  try { show(await get("/session")); } catch { show(null); }
  keepFresh();
})();
