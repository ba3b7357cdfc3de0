"use strict";
// What moves in the explorer. Formulas come from `law` (printed from sympy), numbers from `grid`.

const T = 100;
const SHOWN = 4;
const dims = Object.keys(grid.by_dim).map(Number).sort((a, b) => a - b);

// --- randomness: a hash of (key, counter), normals and gammas from it ----------------------------

function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function stream(seed, path) {
  const key = mix(mix(seed + 0x9e3779b9) ^ Math.imul(path + 1, 0x27d4eb2f));
  let counter = 0, spare = null;
  const bits = () => mix(mix(++counter ^ key) + Math.imul(counter, 0x9e3779b9) + key);
  const uniform = () => ((bits() >>> 5) * 67108864 + (bits() >>> 6) + 0.5) / 9007199254740992;
  function normal() {
    if (spare !== null) { const z = spare; spare = null; return z; }
    const r = Math.sqrt(-2 * Math.log(uniform())), a = 2 * Math.PI * uniform();
    spare = r * Math.sin(a);
    return r * Math.cos(a);
  }
  // Marsaglia and Tsang (2000); below 1 by a power of a uniform.
  function gamma(a) {
    if (a < 1) return gamma(a + 1) * Math.pow(uniform(), 1 / a);
    const d = a - 1 / 3, c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const z = normal(), v = Math.pow(1 + c * z, 3);
      if (v > 0 && Math.log(uniform()) < z * z / 2 + d - d * v + d * Math.log(v)) return d * v;
    }
  }
  const chi2 = (k) => (k > 0 ? 2 * gamma(k / 2) : 0);
  // Order statistics halve n until few trials are left.
  function binomial(n, p) {
    let count = 0;
    while (n > 16) {
      const i = 1 + (n >> 1), g = gamma(i), b = g / (g + gamma(n + 1 - i));
      if (b <= p) { count += i; p = (p - b) / (1 - b); n -= i; } else { p /= b; n = i - 1; }
    }
    for (; n > 0; n--) count += uniform() < p;
    return count;
  }
  return { uniform, normal, gamma, chi2, binomial };
}

// --- the exact sampler, d = 1 and 2 ---------------------------------------------------------------
// A model: mean [x, y], lower factor [a, b, c] of its covariance ([[a, 0], [b, c]]).

function factor(s) {
  const a = Math.sqrt(s[0]), b = a > 0 ? s[1] / a : 0;
  return [a, b, Math.sqrt(Math.max(s[2] - b * b, 0))];
}

// n samples of a model, bias multiplying its covariance: their mean and scatter, by Bartlett.
function batch(rng, d, n, mean, l, bias) {
  const root = Math.sqrt(bias), [a, b, c] = l.map((x) => x * root);
  const z = [rng.normal(), d > 1 ? rng.normal() : 0].map((x) => x / Math.sqrt(n));
  const p = Math.sqrt(rng.chi2(n - 1));
  const q = d > 1 && n > 1 ? rng.normal() : 0, r = d > 1 ? Math.sqrt(rng.chi2(n - 2)) : 0;
  const g = [a * p, b * p + c * q, c * r];
  return { n, mean: [mean[0] + a * z[0], mean[1] + b * z[0] + c * z[1]], g: [g] };
}

// The fit to all batches: factors are rotated into one another, so that no variance is rounded off.
function fit(batches) {
  const n = batches.reduce((sum, x) => sum + x.n, 0);
  const mean = [0, 1].map((i) => batches.reduce((sum, x) => sum + x.n * x.mean[i], 0) / n);
  let l = [0, 0, 0];
  const add = (x, y) => {
    const r = Math.hypot(l[0], x);
    if (r === 0) { l[2] = Math.hypot(l[2], y); return; }
    const cos = l[0] / r, sin = x / r;
    l = [r, cos * l[1] + sin * y, Math.hypot(l[2], cos * y - sin * l[1])];
  };
  for (const x of batches) {
    for (const g of x.g) { add(g[0], g[1]); add(0, g[2]); }
    if (batches.length > 1) add(...[0, 1].map((i) => Math.sqrt(x.n) * (x.mean[i] - mean[i])));
  }
  return { mean, l: l.map((x) => x / Math.sqrt(n - 1)) };
}

function nextModel(rng, s, models) {
  const batches = [];
  if (s.n_real) batches.push(batch(rng, s.d, s.n_real, [0, 0], [1, 0, s.d > 1 ? 1 : 0], 1));
  let left = s.n_synth;
  models.forEach((m, i) => {
    const k = i + 1 < models.length ? rng.binomial(left, 1 / (models.length - i)) : left;
    if (k) batches.push(batch(rng, s.d, k, m.mean, m.l, s.bias));
    left -= k;
  });
  return fit(batches);
}

function measures(d, m) {
  const [a, b, c] = m.l, trace = a * a + b * b + c * c, mean = m.mean[0] ** 2 + m.mean[1] ** 2;
  const root = d > 1 ? Math.sqrt(trace + 2 * a * c) : a;
  return { mean, trace, w2: mean + trace + d - 2 * root, logdet: 2 * Math.log(a * (d > 1 ? c : 1)) };
}

function samplePath(s, seed, path, generations) {
  const rng = stream(seed, path), first = s.n_real ? Math.max(s.n_real, 2) : s.n_synth;
  let models = [fit([batch(rng, s.d, first, [0, 0], [1, 0, s.d > 1 ? 1 : 0], 1)])];
  const out = [measures(s.d, models[0])];
  while (out.length < generations) {
    const made = nextModel(rng, s, models);
    models = [made, ...models].slice(0, s.memory || undefined);
    out.push(measures(s.d, made));
  }
  return out;
}

// --- first moments ---------------------------------------------------------------------------------

function firstPath(s) {
  const n = s.n_real ? Math.max(s.n_real, 2) : s.n_synth, par = [s.n_real, s.n_synth, s.bias];
  const out = [[1 / n, 1]];
  let k = 1, x = s.memory ? [1 / n, 1] : [1 / n, 1 / n, 0, 1, 1];
  for (let t = 1; t < T; t++) {
    if (s.memory) {
      const keep = Math.min(k + 1, s.memory);
      x = law[`step${k}${keep}`](...par, ...x);
      k = keep;
      out.push([x[0], x[x.length - k]]);
    } else {
      x = law.stepAll(...par, t, ...x);
      out.push([x[0], x[3]]);
    }
  }
  return out;
}

function firstLimit(s) {
  if (!s.n_real) return null;
  const [m, c] = law[s.memory ? `limit${s.memory}` : "limitAll"](s.n_real, s.n_synth, s.bias);
  return m >= 0 && c >= 0 && isFinite(m) && isFinite(c) ? [m, c] : null;
}

// --- second moments at memory 1 and the interpolated rest -----------------------------------------

const logit = (x) => Math.log(x) - Math.log1p(-x);
const share = (x) => 1 / (1 + Math.exp(-x));

function lagrange(nodes, x) {
  return nodes.map((a, i) => nodes.reduce((p, b, j) => (i === j ? p : p * (x - b) / (a - b)), 1));
}

function nearNodes(nodes, x) {
  let first = nodes.findIndex((a) => a >= x);
  first = Math.min(Math.max((first < 0 ? nodes.length : first) - 2, 0), nodes.length - 4);
  const weights = lagrange(nodes.slice(first, first + 4), x);
  return nodes.map((_, i) => (i >= first && i < first + 4 ? weights[i - first] : 0));
}

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const logs = (x) => x.map((y) => Math.log(y));
const LOG_SIZES = logs(grid.sizes), LOG_TIMES = logs(grid.times);

function near(d, x) { return law.nearDeficit(d, x[1], x[6])[0]; }

function secondStep(map, x) {
  return Array.from({ length: 7 }, (_, i) => dot(map.slice(7 * i, 7 * i + 7), x) + map[49 + i]);
}

// Solve x = A x + b; null where that is no vector of moments.
function secondLimit(map) {
  const rows = Array.from({ length: 7 }, (_, i) =>
    [...map.slice(7 * i, 7 * i + 7).map((a, j) => (i === j) - a), map[49 + i]]);
  for (let k = 0; k < 7; k++) {
    let best = k;
    for (let i = k + 1; i < 7; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
    [rows[k], rows[best]] = [rows[best], rows[k]];
    for (let i = 0; i < 7; i++) {
      if (i === k) continue;
      const ratio = rows[i][k] / rows[k][k];
      rows[i] = rows[i].map((x, j) => x - ratio * rows[k][j]);
    }
  }
  const x = rows.map((row, k) => row[7] / row[k]);
  const good = x.every((v) => isFinite(v) && v >= 0) && x[2] >= x[0] ** 2 && x[5] >= x[1] ** 2;
  return good ? x : null;
}

function fitExcess(d, n) { return dot(nearNodes(LOG_SIZES, Math.log(n)), grid.by_dim[d].fit); }

function baseline(d, n) {
  const x = logit(near(d, law.firstModel(d, n))) + fitExcess(d, n);
  return law.distance(d, 1 / n, 1, share(x))[0];
}

function covered(s, n_real, n_synth) {
  return s.memory === 1 && n_real >= grid.by_dim[s.d].limits.fewest &&
    n_synth <= grid.ratios[grid.ratios.length - 1] * n_real;
}

function limitExcess(d, n_real, n_synth, bias) {
  const made = grid.by_dim[d].limits;
  const w = [lagrange(made.nearness, (d + 1) / (n_real + d)),
    lagrange(grid.ratios.map(Math.log1p), Math.log1p(n_synth / n_real)),
    lagrange(grid.biases.map(Math.sqrt), Math.sqrt(bias))];
  return dot(w[0], made.excess.map((plane) => dot(w[1], plane.map((row) => dot(w[2], row)))));
}

// E W2^2 at the limit, null where it is not known.
function distanceLimit(s, n_real, n_synth) {
  if (!covered(s, n_real, n_synth)) return null;
  const second = secondLimit(law.secondMap(s.d, n_real, n_synth, s.bias));
  if (!second) return null;
  const [m, c] = law.limit1(n_real, n_synth, s.bias);
  const x = logit(near(s.d, second)) + limitExcess(s.d, n_real, n_synth, s.bias);
  return { value: law.distance(s.d, m, c, share(x))[0], near: near(s.d, second) };
}

// Deficits of the fully synthetic loop: exact at d = 1, lambda does not enter (1.7).
function chainDeficits(d, n) {
  if (d === 1) {
    const step = law.logRootMean(n - 1)[0];
    return Array.from({ length: T }, (_, i) => -Math.expm1((i + 1) * step));
  }
  const map = law.secondMap(d, 0, n, 1), by = nearNodes(LOG_SIZES, Math.log(n));
  const rows = grid.times.map((_, j) => dot(by, grid.by_dim[d].chain.map((row) => row[j])));
  const out = [];
  let x = law.firstModel(d, n);
  for (let t = 1; t <= T; t++, x = secondStep(map, x)) {
    out.push(share(logit(near(d, x)) + dot(nearNodes(LOG_TIMES, Math.log(t)), rows)));
  }
  return out;
}

function freshDeficits(s) {
  const { d, n_real, n_synth, bias } = s, map = law.secondMap(d, n_real, n_synth, bias);
  const end = distanceLimit(s, n_real, n_synth);
  if (!end) return null;
  const start = fitExcess(d, n_real), last = limitExcess(d, n_real, n_synth, bias);
  let x = law.firstModel(d, n_real);
  const first = near(d, x), out = [];
  for (let t = 1; t <= T; t++, x = secondStep(map, x)) {
    const way = end.near === first ? 0 : (near(d, x) - first) / (end.near - first);
    out.push(share(logit(near(d, x)) + start + (last - start) * Math.min(Math.max(way, 0), 1)));
  }
  return out;
}

// E W2^2 of generations 1..T, or its least value where only first moments are known.
function distancePath(s, first) {
  let lost = null;
  if (s.n_real) lost = freshDeficits(s);
  else if (s.memory === 1) lost = chainDeficits(s.d, s.n_synth);
  const values = first.map(([m, c], i) => law.distance(s.d, m, c, lost ? lost[i] : 0)[0]);
  return { values, status: !lost ? "bound" : s.n_real || s.d > 1 ? "asymptotic" : "exact" };
}

function effectiveSize(d, w2) {
  if (w2 >= baseline(d, 2)) return 2 * baseline(d, 2) / w2;
  let low = Math.log(2), high = Math.log(grid.sizes[grid.sizes.length - 1]);
  if (w2 <= baseline(d, Math.exp(high))) return Math.exp(high) * baseline(d, Math.exp(high)) / w2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (baseline(d, Math.exp(middle)) > w2) low = middle; else high = middle;
  }
  return Math.exp(low);
}

// Largest n_synth whose limit is no worse than one fit; Infinity at lambda = 1, null: not found.
function admissible(s, n_real) {
  if (s.bias === 1) return Infinity;
  const best = baseline(s.d, n_real), one = { ...s, memory: 1 };
  const worse = (log) => {
    const found = distanceLimit(one, n_real, Math.exp(log));
    return found ? found.value - best : NaN;
  };
  let high = Math.log(grid.ratios[grid.ratios.length - 1] * n_real) - 1e-9, low = high;
  if (!(worse(high) > 0)) return null;
  while (low > 0 && worse(low) > 0) { high = low; low -= Math.LN2; }
  if (low <= 0 && worse(0) > 0) return 0;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (worse(middle) > 0) high = middle; else low = middle;
  }
  return Math.exp(low);
}

// --- state and controls ----------------------------------------------------------------------------

const REALS = [0, ...new Set(Array.from({ length: 51 }, (_, i) => Math.round(2 * 10 ** (i / 10))))];
const SYNTHS = [...new Set(Array.from({ length: 58 }, (_, i) => Math.round(2 * 10 ** (i / 10))))];
const sliders = [
  { name: "d", label: "dimension d", stops: dims, unit: "" },
  { name: "n_real", label: "fresh real samples", stops: REALS, unit: " a generation" },
  { name: "n_synth", label: "synthetic samples", stops: SYNTHS, unit: " a generation" },
  { name: "bias", label: "sampling bias λ", stops: Array.from({ length: 101 }, (_, i) => i / 100), unit: "" },
  { name: "memory", label: "memory, models", stops: [1, 2, 3, 0], unit: "" },
];
const start = { d: 2, n_real: 100, n_synth: 300, bias: 0.9, memory: 1, seed: 0 };

function readHash() {
  const s = { ...start }, given = new URLSearchParams(location.hash.slice(1));
  for (const [name, text] of given) {
    const value = name === "memory" && text === "all" ? 0 : Number(text);
    if (name in s && text !== "" && isFinite(value)) s[name] = value;
  }
  s.d = dims.reduce((a, b) => (Math.abs(b - s.d) < Math.abs(a - s.d) ? b : a));
  const whole = (x, low, high) => Math.min(Math.max(Math.round(x), low), high);
  s.n_real = whole(s.n_real, 0, 1e6);
  s.n_synth = whole(s.n_synth, s.n_real ? 1 : 2, 1e6);
  s.bias = Math.min(Math.max(s.bias, 0), 1);
  s.memory = whole(s.memory, 0, 3);
  s.seed = whole(s.seed, 0, 2 ** 31);
  return s;
}

function writeHash(s) {
  const text = Object.entries(s).map(([k, v]) => `${k}=${k === "memory" && !v ? "all" : v}`);
  history.replaceState(null, "", "#" + text.join("&"));
}

const nearest = (stops, x) =>
  stops.reduce((best, v, i) => (Math.abs(v - x) < Math.abs(stops[best] - x) ? i : best), 0);
const words = (name, v) => (name === "memory" && !v ? "all" : v.toLocaleString("en"));

function makeControls() {
  const form = document.getElementById("controls");
  for (const c of sliders) {
    const label = document.createElement("label");
    label.innerHTML = `${c.label} <output id="${c.name}-out"></output>` +
      `<input type="range" id="${c.name}" min="0" max="${c.stops.length - 1}" step="1">`;
    form.append(label);
    label.querySelector("input").addEventListener("input", (event) => {
      state[c.name] = c.stops[Number(event.target.value)];
      if (!state.n_real) state.n_synth = Math.max(state.n_synth, 2);
      writeHash(state);
      show(state);
    });
  }
  document.getElementById("again").addEventListener("click", () => {
    state.seed += 1;
    writeHash(state);
    show(state);
  });
}

// --- what is said ----------------------------------------------------------------------------------

const digits = (x, n = 4) => {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (!isFinite(x)) return x > 0 ? "∞" : "−∞";
  const a = Math.abs(x);
  if (a === 0 || (a >= 1e-3 && a < 1e5)) return String(Number(x.toPrecision(n)));
  return a < 1e9 && a >= 1e5 ? Math.round(x).toLocaleString("en") : x.toExponential(2);
};
const percent = (x) => `${digits(100 * x, 2)} %`;
const badge = (status) => ` <span class="status">${status}</span>`;

function answers(s) {
  const first = firstPath(s), limit = firstLimit(s), path = distancePath(s, first), a = {};
  a.first = first;
  a.path = path;
  a.mean_sq_limit = limit ? s.d * limit[0] : null;
  a.trace_limit = limit ? s.d * limit[1] : null;
  a.mean_worth = limit ? 1 / limit[0] : null;
  const end = s.n_real ? distanceLimit(s, s.n_real, s.n_synth) : null;
  a.w2_limit = end ? end.value : null;
  a.n_eff = end ? effectiveSize(s.d, end.value) : null;
  a.gain = end ? a.n_eff / s.n_real : null;
  a.admissible = s.n_real >= grid.by_dim[s.d].limits.fewest ? admissible(s, s.n_real) : null;
  a.admissible_limit = s.bias < 1 ? law.admissibleLimit(s.d, s.bias)[0] : Infinity;
  a.forgetting = s.n_real && s.memory === 1 ? law.forgetting(s.n_real, s.n_synth, s.bias)[0] : null;
  if (!s.n_real && s.memory === 1) {
    const mean = law.logMean(s.n_synth - 1)[0];
    a.rate = Math.log(s.bias) + mean;
    a.half_life = Math.LN2 / -a.rate;
    a.critical_bias = Math.exp(-mean);
  }
  return a;
}

function fate(s, a) {
  if (!s.n_real && s.memory === 1) {
    const how = s.bias ? `the typical variance halves every ${digits(a.half_life, 3)} generations` :
      "nothing varies after the first generation";
    return [true, `<b>MAD.</b> No real data: the covariance dies almost surely, since λ = ${s.bias} is ` +
      `below the critical ${digits(a.critical_bias)}; ${how}, and the mean never comes back.` + badge("exact")];
  }
  if (!s.n_real) {
    return [true, "<b>MAD.</b> No real data: the error of the first fit’s mean is never corrected, however long the memory, " +
      "and E |μ − μ₀|² stays above it." + badge("exact")];
  }
  if (a.trace_limit === null) {
    return [true, "<b>Not held.</b> The first moments diverge." + badge("exact")];
  }
  const forgets = a.forgetting === null ? "" : `, of which ${percent(a.forgetting)} is left after each generation`;
  const held = `<b>Held.</b> Fresh data make the loop forget its start${forgets}.` + badge("exact");
  if (a.gain === null) {
    return [false, held + ` The mean there is worth ${digits(a.mean_worth)} real samples.` + badge("exact")];
  }
  const [is, what] = a.gain >= 1 ? ["more", "synthetic data help"] : ["less", "synthetic data hurt"];
  return [a.gain < 1, held + ` It is worth ${digits(a.n_eff)} real samples, ${digits(a.gain, 3)} × the fresh ones` +
    (Math.abs(a.gain - 1) <= grid.errors.limit.stated ? ": no difference that this page can tell."
      : `, ${is} than they alone: ${what}.`) + badge(`asymptotic, interpolation ±${percent(grid.errors.limit.stated)}`)];
}

function rows(s, a) {
  const at = (x) => `${digits(x[T - 1])} at t = ${T}`;
  const per = `asymptotic, interpolation ±${percent(grid.errors.limit.stated)}`;
  const all = [
    ["mean_sq", "E |μ − μ₀|²", a.mean_sq_limit, "limit, exact"],
    ["trace", "E tr Σ", a.trace_limit, "limit, exact"],
    ["mean_worth", "real samples that the mean is worth", a.mean_worth, "limit, exact"],
    ["forgetting", "share of the start that is kept per generation", a.forgetting, "exact"],
    ["w2", "E W₂²", a.w2_limit, `limit, ${per}`],
    ["n_eff", "effective sample size nₑ", a.n_eff, `limit, ${per}`],
    ["gain", "gain nₑ / n_real", a.gain, `limit, ${per}`],
    ["admissible", "admissible n_synth at memory 1 (nₑ ≥ n_real)", a.admissible,
      s.bias === 1 ? "asymptotic" : `asymptotic, interpolation ±${percent(grid.errors.admissible.stated)}`],
    ["admissible_limit", "the same, n_real → ∞", a.admissible_limit, "asymptotic"],
    ["rate", "growth of log variance per generation", a.rate, "exact"],
    ["half_life", "half-life of the typical variance, generations", a.half_life, "exact"],
    ["critical_bias", "critical bias", a.critical_bias, "exact"],
  ];
  return all.filter(([, , v]) => v !== null && v !== undefined).map(([id, name, v, status]) =>
    `<tr><td>${name}</td><td id="${id}" data-value="${v}">${digits(v, 6)}</td><td>${badge(status)}</td></tr>`).join("");
}

// --- pictures --------------------------------------------------------------------------------------

const W = 360, H = 250, LEFT = 46, BOTTOM = 34, TOP = 8, RIGHT = 16;

function ticks(low, high) {
  const step = Math.max(1, Math.ceil((high - low) / 6)), out = [];
  for (let k = Math.ceil(low); k <= high; k += step) out.push(k);
  return out;
}

const power = (k) => (k >= -2 && k <= 4 ? String(Number((10 ** k).toPrecision(1))) : `10<tspan dy="-4" font-size="8">${k}</tspan>`);

function frame(x, y, xTicks, yTicks, xName, parts, title) {
  const w = (v) => LEFT + (W - LEFT - RIGHT) * x(v), h = (v) => H - BOTTOM - (H - BOTTOM - TOP) * y(v);
  const lines = yTicks.map(([v, t]) => `<line x1="${LEFT}" x2="${W - RIGHT}" y1="${h(v)}" y2="${h(v)}" stroke="#e4e4e4"/>` +
    `<text x="${LEFT - 4}" y="${h(v) + 4}" text-anchor="end">${t}</text>`);
  const marks = xTicks.map(([v, t]) => `<text x="${w(v)}" y="${H - BOTTOM + 14}" text-anchor="middle">${t}</text>`);
  return `<svg viewBox="0 0 ${W} ${H}" role="img" aria-label="${title}">` + lines.join("") + marks.join("") +
    `<text x="${(LEFT + W) / 2}" y="${H - 4}" text-anchor="middle">${xName}</text>` +
    `<clipPath id="${title.replace(/\W/g, "")}"><rect x="${LEFT}" y="${TOP}" width="${W - LEFT - RIGHT}" height="${H - TOP - BOTTOM}"/></clipPath>` +
    `<g clip-path="url(#${title.replace(/\W/g, "")})">` + parts(w, h) + "</g></svg>";
}

const polyline = (points, style) =>
  `<polyline fill="none" ${style} points="${points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ")}"/>`;

function pathChart(id, theory, drawn, style, title) {
  const all = [...theory, ...drawn.flat()].filter((v) => v > 0 && isFinite(v)).map(Math.log10);
  let low = Math.min(...theory.filter((v) => v > 0).map(Math.log10), ...all.filter((v) => v > -7));
  low = Math.max(low, -12) - 0.1;
  let high = Math.max(...all, low + 0.5) + 0.1;
  if (high - low < 1) { low -= (1 - high + low) / 2; high = low + 1; }
  const x = (t) => Math.log(t) / Math.log(T), y = (v) => (v - low) / (high - low);
  const safe = (v) => (v > 0 ? Math.log10(v) : low - 1);
  const marks = high - low < 2.5 ? ticks(Math.floor(low), high).flatMap((k) => [1, 2, 5].map((f) => k + Math.log10(f)))
    .filter((v) => v >= low && v <= high).map((v) => [v, digits(10 ** v, 1)]) : ticks(low, high).map((k) => [k, power(k)]);
  document.getElementById(id).innerHTML = frame(x, y, [1, 3, 10, 30, 100].map((t) => [t, t]), marks, "generation t", (w, h) =>
    drawn.map((p) => polyline(p.map((v, i) => [w(i + 1), h(safe(v))]), 'stroke="#999" stroke-width="0.9"')).join("") +
    polyline(theory.map((v, i) => [w(i + 1), h(safe(v))]), `stroke="#0072b2" stroke-width="2.4" ${style}`), title);
}

function phaseChart(s) {
  const few = grid.by_dim[s.d].limits.fewest, lowX = Math.log10(Math.min(few, s.n_real || few)), highX = 6, highY = 6;
  const x = (v) => (v - lowX) / (highX - lowX), y = (v) => v / highY, curve = [];
  for (let i = 0; i <= 40 && s.bias < 1; i++) {
    const log = Math.log10(few) + (highX - Math.log10(few)) * i / 40, found = admissible(s, 10 ** log);
    if (found) curve.push([log, Math.log10(found)]);
  }
  const end = s.bias < 1 ? Math.log10(law.admissibleLimit(s.d, s.bias)[0]) : null;
  const tens = (low, high) => ticks(low, high).map((k) => [k, power(k)]);
  document.getElementById("phase").innerHTML = frame(x, y, tens(Math.ceil(lowX), 6), tens(0, 6),
    "→ fresh n_real   ↑ synthetic n_synth", (w, h) => {
      const area = curve.length > 1 ? [...curve.map(([a, b]) => [w(a), h(b)]), [w(highX), h(0)], [w(curve[0][0]), h(0)]] : [];
      return (area.length ? `<polygon fill="#cfe5f3" points="${area.map((p) => p.map((v) => v.toFixed(1)).join(",")).join(" ")}"/>` +
        polyline(curve.map(([a, b]) => [w(a), h(b)]), 'stroke="#0072b2" stroke-width="2.2"') +
        `<text x="${w(highX) - 6}" y="${h(0) - 8}" text-anchor="end">below the line: synthetic data help</text>` : "") +
        (end === null ? `<rect x="${w(lowX)}" y="${h(highY)}" width="${w(highX) - w(lowX)}" height="${h(0) - h(highY)}" fill="#cfe5f3"/>` +
          `<text x="${w(highX) - 6}" y="${h(0) - 8}" text-anchor="end">λ = 1: every amount helps</text>`
          : polyline([[w(lowX), h(end)], [w(highX), h(end)]], 'stroke="#555" stroke-dasharray="5 4"')) +
        (s.n_real ? `<path d="M${w(Math.log10(s.n_real)) - 6} ${h(Math.log10(s.n_synth))}h12m-6 -6v12" stroke="#d55e00" stroke-width="3"/>` : "");
    }, "phase diagram");
}

function show(s) {
  for (const c of sliders) {
    const input = document.getElementById(c.name);
    input.value = nearest(c.stops, c.name === "memory" ? (s.memory || 0) : s[c.name]);
    if (c.name === "memory") input.value = c.stops.indexOf(s.memory);
    const text = words(c.name, s[c.name]);
    input.setAttribute("aria-valuetext", text + c.unit);
    document.getElementById(`${c.name}-out`).textContent = text;
  }
  const a = answers(s), [bad, text] = fate(s, a), box = document.getElementById("fate");
  box.innerHTML = text;
  box.className = bad ? "mad" : "held";
  document.getElementById("numbers").innerHTML = rows(s, a);
  const drawn = s.d <= 2 ? Array.from({ length: SHOWN }, (_, i) => samplePath(s, s.seed, i, T)) : [];
  const theory = { variance: a.first.map((x) => x[1]), distance: a.path.values };
  pathChart("variance", theory.variance, drawn.map((p) => p.map((x) => x.trace / s.d)), "", "variance");
  pathChart("distance", theory.distance, drawn.map((p) => p.map((x) => x.w2)),
    a.path.status === "bound" ? 'stroke-dasharray="7 4"' : "", "distance");
  phaseChart(s);
  document.getElementById("variance").dataset.values = JSON.stringify(theory.variance);
  document.getElementById("distance").dataset.values = JSON.stringify(theory.distance);
  document.getElementById("distance").dataset.status = a.path.status;
  document.getElementById("variance-note").innerHTML = "Blue: mean of all loops" + badge("exact") +
    (s.d <= 2 ? `; grey: ${SHOWN} loops.` : "");
  const stated = s.n_real ? grid.errors.path.stated : grid.errors.chain.stated;
  document.getElementById("distance-note").innerHTML = a.path.status === "bound"
    ? "Dashed: no less than this, by first moments" + badge("bound")
    : "Blue: mean" + badge(a.path.status === "exact" ? "exact" : `asymptotic, interpolation ±${percent(stated)}`);
  document.getElementById("phase-note").innerHTML = (s.n_real ? "Orange cross: this loop. " : "This loop has no real data: it is off the map. ") +
    "Dashes: where the line ends" + badge("asymptotic") + (s.memory === 1 ? "" : " Memory 1 is drawn.");
  document.getElementById("drawn").textContent = s.d <= 2 ? "Sampled here, by the exact law of each fit."
    : "Paths are drawn for d ≤ 2; the theory's lines stand for every d.";
}

// Many paths for a test: moments of the last generation and of the last step of log det Sigma.
function many(s, count, generations) {
  const sums = {};
  for (let i = 0; i < count; i++) {
    const p = samplePath(s, s.seed, i, generations), x = p[generations - 1];
    const step = x.logdet - (generations > 1 ? p[generations - 2].logdet : 0);
    for (const [k, v] of Object.entries({ mean: x.mean, trace: x.trace, w2: x.w2, step })) {
      sums[k] = sums[k] || [0, 0];
      sums[k][0] += v;
      sums[k][1] += v * v;
    }
  }
  return Object.fromEntries(Object.entries(sums).map(([k, [a, b]]) =>
    [k, { mean: a / count, variance: (b - a * a / count) / (count - 1) }]));
}

let state = { ...start };
if (typeof document !== "undefined") {
  state = readHash();
  makeControls();
  document.getElementById("errors").textContent = "Errors stated after ± are twice the worst found at points " +
    "between the grid's nodes: " + Object.entries({ limit: "limits", path: "paths", chain: "paths without real data", fit: "one fit", admissible: "admissible n_synth" })
    .map(([k, name]) => `${name} ${percent(grid.errors[k].stated)} (median ${percent(grid.errors[k].median)}, ${grid.errors[k].points} points)`).join("; ") +
    ". The error that the package declares for an asymptotic value comes on top. Formulas are printed from the package's sympy expressions.";
  addEventListener("hashchange", () => { state = readHash(); show(state); });
  show(state);
}
