/** The page, whole: it needs nothing but its agent. Data is only ever set as text. */

const style = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --line: #d5dbe1; --back: #f5f7f9; --card: #fff;
  --edge: #1f6feb; --worker: #b35900; --cut: #0b7a5c; --bad: #b3261e; font: 15px/1.45 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e9ef; --soft: #9aa7b4; --line: #35414d; --back: #10161c;
  --card: #18212a; --edge: #6cb0ff; --worker: #ffb35c; --cut: #5fd0a8; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 16px; background: var(--back); color: var(--ink); }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1rem; margin: 0 0 8px; }
header p { margin: 0; color: var(--soft); }
#status.bad { color: var(--bad); font-weight: 600; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; margin: 12px 0; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 10px; margin: 0; }
dt { color: var(--soft); font-size: .82rem; } dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; font-size: .82rem; }
td.n, th.n { text-align: right; } .n + :not(.n) { padding-left: 14px; }
.edge { color: var(--edge); } .worker { color: var(--worker); } .bad { color: var(--bad); }
#mix { list-style: none; margin: 0; padding: 0; border-left: 3px solid var(--line); font-variant-numeric: tabular-nums; }
#mix li { display: grid; grid-template-columns: minmax(80px, 220px) 62px 1fr 48px; gap: 8px; align-items: center; padding: 2px 0 2px 12px;
  color: var(--soft); position: relative; }
#mix li.used { color: var(--ink); }
#mix li::before { content: ''; position: absolute; left: -7px; width: 11px; height: 11px; border-radius: 50%; background: var(--line); }
#mix li.used::before { background: var(--cut); } #mix li.used.local::before { background: var(--edge); } #mix li.used.input::before { background: var(--worker); }
#mix .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } #mix .ms, #mix .share { text-align: right; }
#mix .bar { background: var(--back); border-radius: 3px; height: 14px; } #mix .bar span { display: block; height: 100%; border-radius: 3px; background: var(--cut); }
#mix .local .bar span { background: var(--edge); } #mix .input .bar span { background: var(--worker); }
#streams { list-style: none; margin: 0; padding: 0; font-variant-numeric: tabular-nums; }
#streams li { padding: 4px 0; } #streams .head { display: flex; flex-wrap: wrap; gap: 2px 14px; } #streams .head b { min-width: 80px; overflow-wrap: anywhere; }
#streams .shares { display: flex; height: 16px; border-radius: 3px; overflow: hidden; margin: 5px 0 3px; background: var(--line); gap: 1px; }
#streams .shares span { background: var(--cut); } #streams .shares .input { background: var(--worker); } #streams .shares .local { background: var(--edge); }
#streams .shares .same { background: var(--soft); }
#streams .shares .out { background: repeating-linear-gradient(45deg, var(--line) 0 4px, var(--back) 4px 8px); }
#streams .legend { color: var(--soft); font-size: .85rem; } .local-key { color: var(--edge); } .input-key { color: var(--worker); } .cut-key { color: var(--cut); }
#why { margin: 4px 0 0; padding-left: 20px; font-size: .9rem; }
@media (max-width: 500px) { #mix li { grid-template-columns: 112px 54px 1fr 44px; } }
details img { max-width: 100%; background: #fff; border-radius: 6px; margin-top: 8px; }
summary { cursor: pointer; margin-top: 8px; }
:focus-visible { outline: 2px solid var(--edge); outline-offset: 2px; }
.note { color: var(--soft); margin: 6px 0 0; font-size: .88rem; }
`

const script = `
'use strict';
const $ = (id) => document.getElementById(id);
const ms = (v) => v === undefined || v === null ? '–' : v < 10 ? v.toFixed(1) + ' ms' : Math.round(v) + ' ms';
const mbps = (v) => v === undefined ? '–' : (v / 1e6).toPrecision(3) + ' Mbps';
const kb = (v) => v === 0 ? '–' : (v / 1000).toFixed(1) + ' kB';
const cards = [
  ['answered', 'answered', String], ['left out', 'shed', String], ['failed', 'failed', String], ['answer, mean', 'answer_mean_ms', ms],
  ['answer, 95 %', 'answer_p95_ms', ms], ['off prediction', 'prediction_error_ms', ms], ['in work', 'in_work', String],
  ['uplink', 'uplink_bps', mbps], ['round trip', 'round_trip_ms', ms], ['workers', 'workers', String],
  ['edge slowdown', 'edge_slowdown', (v) => v.toFixed(2) + ' ×'], ['processor', 'cpu_load', (v) => Math.round(100 * v) + ' %'],
  ['heat', 'cpu_temperature_c', (v) => v.toFixed(0) + ' °C'], ['memory', 'rss_bytes', (v) => Math.round(v / 1e6) + ' MB'],
];
function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}
function figures(metrics) {
  $('figures').replaceChildren(...cards.filter(([, key]) => metrics[key] !== undefined).map(([name, key, show]) => {
    const box = make('div');
    box.append(make('dt', name), make('dd', show(metrics[key])));
    return box;
  }));
}
// One row a wound, from the input to the output: its requests, beside what the edge computes before it.
function mix(wounds) {
  const total = wounds.reduce((sum, { requests }) => sum + requests, 0);
  $('mix').replaceChildren(...wounds.map(({ id, model, headMs, requests }) => {
    const share = total === 0 ? 0 : requests / total;
    const row = make('li', undefined, (share > 0 ? 'used ' : '') + (id === 'local' || id === 'input' ? id : ''));
    const name = make('span', model ? model + ': ' + id : id, 'name'), bar = make('span', undefined, 'bar'), part = make('span');
    name.title = name.textContent;
    part.style.width = Math.round(100 * share) + '%';
    bar.append(part);
    row.append(name, make('span', ms(headMs), 'ms'), bar, make('span', Math.round(100 * share) + ' %', 'share'));
    return row;
  }));
}
const perSecond = (v) => (v < 10 ? v.toFixed(1) : String(Math.round(v))) + '/s';
const kindOf = (plan) => plan.split(' / ')[0] === 'local' ? 'local' : plan.startsWith('input /') ? 'input' : 'cut';
// One bar a stream: its answers by plan, and what was left out.
function streams(list) {
  if (list.length === 0) return $('streams').replaceChildren(make('li', 'No inputs in the last ten seconds.'));
  $('streams').replaceChildren(...list.map(({ stream, arrived, answered, reused, shed, failed, mix }) => {
    const item = make('li'), head = make('div', undefined, 'head'), bar = make('div', undefined, 'shares'), legend = make('div', undefined, 'legend');
    head.append(make('b', stream), make('span', perSecond(arrived) + ' arrive'), make('span', perSecond(answered) + ' answered'));
    if (reused > 0) head.append(make('span', perSecond(reused) + ' as before'));
    if (shed > 0) head.append(make('span', perSecond(shed) + ' left out'));
    if (failed > 0) head.append(make('span', perSecond(failed) + ' failed', 'bad'));
    bar.setAttribute('aria-hidden', 'true');
    for (const { plan, share } of mix) {
      const part = make('span', undefined, kindOf(plan));
      part.style.flexGrow = share * answered;
      part.title = plan;
      bar.append(part);
    }
    const same = make('span', undefined, 'same');
    same.style.flexGrow = reused;
    same.title = 'as before: not computed';
    if (reused > 0) bar.append(same);
    const out = make('span', undefined, 'out');
    out.style.flexGrow = shed + failed;
    out.title = 'left out or failed';
    if (shed + failed > 0) bar.append(out);
    mix.forEach(({ plan, share }, i) => {
      if (i > 0) legend.append(' · ');
      legend.append(make('span', Math.round(100 * share) + ' % ' + plan, kindOf(plan) + '-key'));
    });
    item.append(head, bar, legend);
    return item;
  }));
}
function rows(id, list, none) {
  const body = $(id);
  if (list.length === 0) {
    const cell = make('td', none); cell.colSpan = 9;
    const row = make('tr'); row.append(cell);
    return body.replaceChildren(row);
  }
  body.replaceChildren(...list.map((cells) => {
    const row = make('tr');
    for (const [text, className] of cells) row.append(make('td', text, className));
    return row;
  }));
}
function show(live) {
  document.title = live.device + ' – Surgeon';
  $('device').textContent = live.device;
  $('what').textContent = live.models.map(({ name, engine }) => name + (engine === 'none' ? ' at workers' : ' on ' + engine)).join(', ') + ', version ' + live.version;
  const lost = live.connections.filter(({ isOnline }) => !isOnline);
  $('status').textContent = 'link ' + live.link + lost.map(({ name, url, reason }) => ', no connection to ' + name + ' ' + url + (reason ? ': ' + reason : '')).join('');
  $('status').className = live.link.startsWith('up') && lost.length === 0 ? '' : 'bad';
  figures(live.metrics);
  streams(live.streams);
  $('why').replaceChildren(...live.explanation.map((line) => make('li', line)));
  $('why-box').hidden = live.explanation.length === 0;
  mix(live.wounds);
  rows('workers', live.workers.map(({ id, version, models, isOurs, queueMs, trust }) => [[id], [version || '–'],
    [models.map(({ name }) => name).join(', ')], [ms(queueMs), 'n'], [isOurs ? trust : 'other model', isOurs ? '' : 'bad']]), 'None is there: everything is answered on the edge.');
  rows('requests', live.requests.map((r) => [[new Date(r.at).toLocaleTimeString([], { hour12: false })], [ms(r.totalMs), 'n'], [ms(r.predictedMs), 'n'],
    [r.outcome, r.outcome === 'edge' || r.outcome === 'worker' ? r.outcome : 'bad'], [r.plan], [r.worker || '–'],
    [ms(r.localMs), 'n'], [kb(r.sentBytes), 'n'], [r.stream || r.id]]), 'None yet: publish a picture on the input topic.');
}
async function look() {
  try {
    const response = await fetch('api/live', { cache: 'no-store' });
    if (!response.ok) throw new Error(response.statusText);
    show(await response.json());
  } catch (error) {
    $('status').textContent = 'the agent does not answer';
    $('status').className = 'bad';
  }
  setTimeout(look, document.hidden ? 5000 : 1000);
}
$('graph').addEventListener('toggle', () => {
  const box = $('graph');
  if (!box.open || box.querySelector('img')) return;
  const picture = make('img');
  picture.alt = 'The layer graph: layers, rings, wounds and sizes';
  picture.src = 'graph.svg';
  box.append(picture);
});
look();
`

export const dashboardPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Surgeon</title>
<style>${style}</style>
</head>
<body>
<header><h1 id="device">Surgeon</h1><p id="what"></p><p id="status" role="status">connecting</p></header>
<main>
<section aria-labelledby="h-now"><h2 id="h-now">Now</h2><dl id="figures"></dl></section>
<section aria-labelledby="h-str"><h2 id="h-str">Streams, last ten seconds</h2><ul id="streams"></ul>
<p class="note">How the answers came about: <span class="input-key">sent as it came</span>, <span class="cut-key">cut in the middle</span>, <span class="local-key">computed here</span>; hatched: left out for newer inputs.</p>
<details id="why-box" open hidden><summary>Why</summary><ul id="why"></ul></details></section>
<section aria-labelledby="h-mix"><h2 id="h-mix">Where the last 100 answers were cut</h2>
<ol id="mix"></ol>
<p class="note">From the input down to the output; the time is what the edge computes before each wound. At input the picture itself is sent, at local nothing.</p>
<details id="graph"><summary>The whole layer graph</summary></details></section>
<section aria-labelledby="h-req"><h2 id="h-req">Last requests</h2><div class="scroll" tabindex="0" role="region" aria-labelledby="h-req"><table>
<thead><tr><th>time</th><th class="n">measured</th><th class="n">predicted</th><th>finished</th><th>cut / codec</th><th>worker</th><th class="n">local</th><th class="n">sent</th><th>stream</th></tr></thead>
<tbody id="requests"></tbody></table></div>
<p class="note">local: what the edge alone was predicted to take.</p></section>
<section aria-labelledby="h-work"><h2 id="h-work">Workers</h2><div class="scroll"><table>
<thead><tr><th>worker</th><th>version</th><th>serves</th><th class="n">queue</th><th>trust</th></tr></thead><tbody id="workers"></tbody></table></div></section>
</main>
<script>${script}</script>
</body>
</html>
`
