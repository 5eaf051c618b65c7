/** Style and script of the graph page, inline so that the file needs nothing else. */

export const pageStyle = `
:root { color-scheme: light; font: 14px/1.4 system-ui, sans-serif; }
body { margin: 0; overflow: hidden; background: #fff; color: #222; }
main { position: fixed; inset: 0; cursor: grab; touch-action: none; outline: none; }
main.dragging { cursor: grabbing; }
main svg { position: absolute; transform-origin: 0 0; user-select: none; }
main g.node { cursor: pointer; }
main g.node.chosen path, main g.node.chosen polygon { stroke: #1a56db; stroke-width: 3; }
main g.node.found path, main g.node.found polygon { stroke: #d97706; stroke-width: 3; }
nav { position: fixed; top: 8px; left: 8px; display: flex; gap: 4px; }
nav button { width: 32px; height: 32px; font-size: 16px; }
nav input { width: 180px; padding: 0 8px; }
aside { position: fixed; top: 8px; right: 8px; width: 340px; max-width: 90vw; max-height: calc(100vh - 40px); overflow: auto;
  background: #fffffff2; border: 1px solid #bbb; border-radius: 6px; box-shadow: 0 2px 12px #0003; padding: 10px 14px; }
aside h2 { margin: 0 0 6px; font-size: 15px; overflow-wrap: anywhere; }
aside dl { margin: 0 0 10px; display: grid; grid-template-columns: 92px 1fr; gap: 2px 8px; font-size: 12.5px; }
aside dt { color: #666; } aside dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
aside button { display: block; background: none; border: 0; padding: 1px 0; color: #1a56db; cursor: pointer; font: inherit; text-align: left; }
`

export const pageScript = `
'use strict';
const { layers, boxes } = JSON.parse(document.getElementById('facts').textContent);
const main = document.querySelector('main'), svg = main.querySelector('svg'), panel = document.querySelector('aside');
const box = svg.viewBox.baseVal, size = { width: box.width, height: box.height };
const view = { x: 0, y: 0, scale: 1 };
// Below the buttons.
const below = 48;
svg.setAttribute('width', size.width); svg.setAttribute('height', size.height);
// Resized rather than scaled by CSS, so that text stays sharp.
function show() {
  svg.setAttribute('width', size.width * view.scale); svg.setAttribute('height', size.height * view.scale);
  svg.style.transform = 'translate(' + view.x + 'px,' + view.y + 'px)';
}
function zoom(factor, x, y) {
  const scale = Math.min(8, Math.max(0.02, view.scale * factor)), ratio = scale / view.scale;
  view.x = x - (x - view.x) * ratio; view.y = y - (y - view.y) * ratio; view.scale = scale; show();
}
function fit(all) {
  const wide = innerWidth / size.width, high = (innerHeight - below) / size.height;
  view.scale = Math.min(all ? Math.min(wide, high) : wide, 1.2);
  view.x = (innerWidth - size.width * view.scale) / 2;
  view.y = all ? below + Math.max(0, (innerHeight - below - size.height * view.scale) / 2) : below; show();
}
function centre(node) {
  const at = node.getBoundingClientRect();
  view.x += innerWidth / 2 - at.left - at.width / 2; view.y += innerHeight / 2 - at.top - at.height / 2; show();
}
let drag;
const held = new Map();
main.addEventListener('pointerdown', (event) => {
  held.set(event.pointerId, { x: event.clientX, y: event.clientY });
  drag = { moved: 0 };
});
addEventListener('pointermove', (event) => {
  const last = held.get(event.pointerId);
  if (!last) return;
  const dx = event.clientX - last.x, dy = event.clientY - last.y;
  if (held.size === 2) {
    const other = [...held].find(([id]) => id !== event.pointerId)[1];
    const before = Math.hypot(last.x - other.x, last.y - other.y), now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    if (before > 0) zoom(now / before, other.x, other.y);
  } else { view.x += dx; view.y += dy; show(); }
  drag.moved += Math.abs(dx) + Math.abs(dy);
  if (drag.moved > 4) main.classList.add('dragging');
  held.set(event.pointerId, { x: event.clientX, y: event.clientY });
});
for (const kind of ['pointerup', 'pointercancel']) addEventListener(kind, (event) => { held.delete(event.pointerId); main.classList.remove('dragging'); });
main.addEventListener('wheel', (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), event.clientX, event.clientY);
}, { passive: false });
main.addEventListener('keydown', (event) => {
  const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
  if (step) { view.x += step[0]; view.y += step[1]; show(); }
  else if (event.key === '+') zoom(1.25, innerWidth / 2, innerHeight / 2);
  else if (event.key === '-') zoom(0.8, innerWidth / 2, innerHeight / 2);
  else if (event.key === 'Escape') tell();
});
function boxOf(index) { return Object.keys(boxes).find((id) => boxes[id].includes(index)); }
function tell(id, index) {
  for (const node of svg.querySelectorAll('g.chosen')) node.classList.remove('chosen');
  panel.hidden = id === undefined;
  panel.replaceChildren();
  if (id === undefined) return;
  document.getElementById(id).classList.add('chosen');
  const members = boxes[id];
  if (members.length > 1 && index === undefined) {
    add('h2', members.length + ' layers in one box');
    for (const member of members) add('button', layers[member].layer + '  (' + layers[member].type + ')', panel, () => tell(id, member));
    return;
  }
  const { layer, ...rest } = layers[index === undefined ? members[0] : index];
  if (members.length > 1) add('button', '← all ' + members.length + ' layers of this box', panel, () => tell(id));
  add('h2', layer);
  const list = add('dl', '');
  for (const [name, value] of Object.entries(rest)) {
    if (Array.isArray(value) && value.length === 0) continue;
    add('dt', name, list);
    const cell = add('dd', Array.isArray(value) ? '' : value, list);
    if (!Array.isArray(value)) continue;
    for (const item of value) {
      const other = name.startsWith('read') ? parseInt(item, 10) : undefined;
      if (other === undefined) add('div', item, cell);
      else add('button', item, cell, () => { const target = boxOf(other); tell(target, other); centre(document.getElementById(target)); });
    }
  }
}
function add(kind, text, parent, press) {
  const element = document.createElement(kind);
  element.textContent = text;
  if (press) element.addEventListener('click', press);
  (parent || panel).append(element);
  return element;
}
main.addEventListener('click', (event) => {
  if (drag && drag.moved > 4) return;
  const node = event.target.closest('g.node');
  tell(node ? node.id : undefined);
});
document.querySelector('nav').addEventListener('click', (event) => {
  const what = event.target.dataset.do;
  if (what === 'in') zoom(1.25, innerWidth / 2, innerHeight / 2);
  if (what === 'out') zoom(0.8, innerWidth / 2, innerHeight / 2);
  if (what === 'width') fit(false);
  if (what === 'all') fit(true);
});
document.querySelector('input').addEventListener('input', (event) => {
  for (const node of svg.querySelectorAll('g.found')) node.classList.remove('found');
  const wanted = event.target.value.trim().toLowerCase();
  if (wanted === '') return;
  const hits = layers.filter(({ layer, type }) => layer.toLowerCase().includes(wanted) || type.toLowerCase() === wanted);
  const ids = [...new Set(hits.map(({ layer }) => boxOf(parseInt(layer, 10))))];
  for (const id of ids) document.getElementById(id).classList.add('found');
  if (ids.length > 0) centre(document.getElementById(ids[0]));
});
addEventListener('resize', show);
fit(false);
`
