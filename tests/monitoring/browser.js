#!/usr/bin/env node
// Drives a headless Chromium: browser.js status URL FOLDER [TOKEN] | browser.js draw DATA.json FOLDER
//
// `status` uses the status page as people do and prints what it found, as one JSON object; `draw`
// draws each panel of each dashboard out of what Prometheus answered, and prints how much it drew.
// Both leave pictures in FOLDER.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const puppeteer = require('puppeteer-core');

const PHONE = { width: 360, height: 780, deviceScaleFactor: 1 };
const DESK = { width: 1280, height: 900, deviceScaleFactor: 1 };

// Of two colours that CSS computed, as WCAG 2 has it.
function contrast(a, b) {
  const luminance = (css) => {
    const [red, green, blue] = css.match(/[\d.]+/g).slice(0, 3).map((n) => {
      const c = n / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

async function colours(page, scheme) {
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  const seen = await page.evaluate(() => {
    const of = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
    const back = of('section', 'backgroundColor');
    return [[of('body', 'color'), of('body', 'backgroundColor')], [of('td, th', 'color'), back],
      [of('.dim', 'color'), of('body', 'backgroundColor')], [of('#state', 'color'), of('body', 'backgroundColor')],
      [of('#shown', 'color'), back]];
  });
  return { back: seen[0][1], least: Math.min(...seen.map(([a, b]) => contrast(a, b))) };
}

async function status(browser, url, folder, token) {
  const page = await browser.newPage();
  const errors = [], elsewhere = [];
  page.on('console', (message) => { if (['error', 'warn'].includes(message.type())) errors.push(message.text()); });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) elsewhere.push(request.url());
  });
  await page.setViewport(DESK);
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector('#state').textContent !== 'loading', { timeout: 60000 });
  const text = (selector) => page.$eval(selector, (e) => e.textContent);
  const rows = () => page.$$eval('#refusals tbody tr', (all) => all.map((row) => row.textContent));
  const found = { state: await text('#state'), asks: await page.$('#offenders form') !== null };
  if (found.asks && token) {
    await page.type('#offenders input', 'wrong-token-wrong');
    await page.click('#offenders button');
    await new Promise((done) => setTimeout(done, 1000));
    found.wrong = await page.$('#offenders form') !== null;
    await page.$eval('#offenders input', (e) => { e.value = ''; });
    await page.type('#offenders input', token);
    await page.click('#offenders button');
  }
  if (!found.asks || token) await page.waitForSelector('#talkers tbody tr', { timeout: 60000 });
  // Rates need a second look of the page's at the figures.
  await page.waitForFunction(() => !/^Packets a second from clients0$/.test(document.querySelector('#tiles li:nth-child(2)').textContent),
    { timeout: 60000 }).catch(() => {});
  found.tiles = await page.$$eval('#tiles li', (all) => all.map((one) => one.textContent));
  found.refusals = await rows();
  found.offenders = await text('#offenders');
  found.talkers = await text('#talkers');
  found.latency = await text('#latency');
  found.certificates = await text('#certificates');
  found.limits = await text('#limits');
  found.config = await text('#config');
  found.broker = await text('#broker');
  found.sessions = await text('#sessions');

  await page.type('#filter', 'no-secrets');
  found.filtered = await rows();
  await page.type('#filter', ' nothing-like-it');
  found.nothing = await rows();
  await page.$eval('#filter', (e) => { e.value = ''; e.dispatchEvent(new Event('input')); });

  await page.click('#pause');
  found.pressed = await page.$eval('#pause', (e) => e.getAttribute('aria-pressed'));
  await new Promise((done) => setTimeout(done, 500));
  const before = await text('#tiles');
  await new Promise((done) => setTimeout(done, 4500));
  found.still = before === await text('#tiles');
  await page.focus('#pause');
  await page.keyboard.press('Enter');
  found.moves = await page.waitForFunction((was) => document.querySelector('#tiles').textContent !== was,
    { timeout: 60000 }, before).then(() => true, () => false);

  found.markup = await page.evaluate(() => ({ images: document.querySelectorAll('img').length, title: document.title }));
  found.reading = await page.evaluate(() => {
    const named = (e) => e.labels && e.labels.length > 0 || e.getAttribute('aria-label') || e.textContent.trim();
    return {
      unnamed: [...document.querySelectorAll('input, button, meter')].filter((e) => !named(e)).length,
      tables: [...document.querySelectorAll('table')].filter((t) => !t.caption || !t.querySelector('th[scope=col]')).length,
      lang: document.documentElement.lang, headings: document.querySelectorAll('h1, h2').length,
      live: document.querySelector('#state').getAttribute('aria-live'),
    };
  });
  found.light = await colours(page, 'light');
  await page.screenshot({ path: path.join(folder, 'status.png'), clip: { x: 0, y: 0, width: 1280, height: 1180 }, captureBeyondViewport: true });
  found.dark = await colours(page, 'dark');
  await page.setViewport(PHONE);
  await page.screenshot({ path: path.join(folder, 'status-phone.png'), clip: { x: 0, y: 0, width: 360, height: 1000 }, captureBeyondViewport: true });
  found.phone = await page.evaluate(() => ({ width: document.documentElement.scrollWidth,
    smallest: Math.min(...[...document.querySelectorAll('button, input')].map((e) => e.getBoundingClientRect().height)) }));
  return { ...found, errors, elsewhere };
}

// In the page. Draws what Grafana would draw of the same answers.
function drawInPage({ title, panels }) {
  const SVG = 'http://www.w3.org/2000/svg', COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b', '#e377c2'];
  const make = (name, attributes = {}, text) => {
    const e = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const html = (name, text, style) => { const e = document.createElement(name); e.textContent = text ?? ''; e.style.cssText = style ?? ''; return e; };
  const shown = (value, unit) => {
    const n = Number(value);
    if (unit === 's') return n < 0.001 ? (n * 1e6).toPrecision(3) + ' µs' : n < 1 ? (n * 1e3).toPrecision(3) + ' ms' : n.toPrecision(3) + ' s';
    if (unit === 'percentunit') return (n * 100).toPrecision(3) + ' %';
    if (unit === 'bytes' || unit === 'Bps') return n > 1e6 ? (n / 1e6).toPrecision(3) + ' MB' : n > 1e3 ? (n / 1e3).toPrecision(3) + ' kB' : n.toPrecision(3) + ' B';
    return Number.isInteger(n) ? String(n) : n.toPrecision(3);
  };
  document.body.style.cssText = 'margin:8px;font:12px sans-serif;background:#f4f5f5;color:#222';
  document.body.replaceChildren(html('h1', title, 'font-size:18px;margin:4px'));
  const grid = html('div', '', 'display:grid;grid-template-columns:repeat(24,1fr);grid-auto-rows:32px;gap:6px');
  document.body.append(grid);
  const drawn = [];
  for (const panel of panels) {
    const g = panel.gridPos;
    const box = html('div', '', `grid-column:${g.x + 1}/span ${g.w};grid-row:${g.y + 1}/span ${g.h};background:${panel.type === 'row' ? 'none' : '#fff'};border-radius:3px;padding:4px;overflow:hidden;display:flex;flex-direction:column`);
    box.append(html('div', panel.title, 'font-weight:bold;flex:none'));
    grid.append(box);
    if (panel.type === 'row') continue;
    let marks = 0;
    if (panel.type === 'timeseries') {
      const all = panel.series.flatMap((one) => one.values.map(([t, v]) => [t, Number(v)])).filter(([, v]) => Number.isFinite(v));
      const times = all.map(([t]) => t), from = Math.min(...times), to = Math.max(...times), most = Math.max(...all.map(([, v]) => v), 1e-12);
      const svg = make('svg', { viewBox: '0 0 400 150', preserveAspectRatio: 'none', style: 'flex:1 1 0;min-height:0;width:100%' });
      svg.append(make('line', { x1: 0, y1: 149, x2: 400, y2: 149, stroke: '#ccc' }));
      const legend = html('div', '', 'flex:none;max-height:58px;overflow:hidden');
      panel.series.forEach((one, i) => {
        const good = one.values.filter(([, v]) => Number.isFinite(Number(v)));
        if (good.length === 0) return;
        // A gap stays a gap.
        const line = good.map(([t, v], at) => `${at > 0 && t - good[at - 1][0] < 3 ? 'L' : 'M'}${((t - from) / Math.max(to - from, 1) * 400).toFixed(1)},${(148 - Number(v) / most * 140).toFixed(1)}`);
        svg.append(make('path', { d: line.join(''), fill: 'none', stroke: COLOURS[i % 8], 'stroke-width': 1.5, 'vector-effect': 'non-scaling-stroke' }));
        ++marks;
        legend.append(html('span', `▬ ${one.legend} ${shown(good[good.length - 1][1], panel.unit)}  `, `color:${COLOURS[i % 8]}`));
      });
      box.append(svg, legend);
    } else if (panel.type === 'table') {
      const table = html('table', '', 'border-collapse:collapse;width:100%');
      const names = [...new Set(panel.series.flatMap((one) => Object.keys(one.labels)))];
      const head = html('tr');
      for (const name of [...names, 'Value']) head.append(html('th', name, 'text-align:left;border-bottom:1px solid #ccc'));
      table.append(head);
      for (const one of [...panel.series].sort((a, b) => b.value - a.value)) {
        const row = html('tr');
        for (const name of names) row.append(html('td', one.labels[name]));
        row.append(html('td', shown(one.value, panel.unit)));
        table.append(row);
        ++marks;
      }
      box.append(table);
    } else {
      for (const one of panel.series) {
        if (!Number.isFinite(Number(one.value))) continue;
        box.append(html('div', `${one.legend ? one.legend + ': ' : ''}${shown(one.value, panel.unit)}`, `font-size:${panel.type === 'stat' ? 26 : 15}px`));
        ++marks;
      }
    }
    drawn.push({ title: panel.title, marks });
  }
  return drawn;
}

async function draw(browser, data, folder) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  const result = {};
  for (const [name, dashboard] of Object.entries(JSON.parse(fs.readFileSync(data, 'utf8')))) {
    await page.setContent('<!doctype html><title>panels</title><body></body>');
    result[name] = await page.evaluate(drawInPage, dashboard);
    await page.screenshot({ path: path.join(folder, `dashboard-${name}.png`), fullPage: true });
  }
  return result;
}

async function main() {
  const [what, from, folder, token] = process.argv.slice(2);
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-chromium-'));
  const browser = await puppeteer.launch({
    executablePath: '/usr/bin/chromium', headless: true, userDataDir: profile, protocolTimeout: 240000, timeout: 120000,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run'],
  });
  try {
    const found = what === 'status' ? await status(browser, from, folder, token) : await draw(browser, from, folder);
    console.log(JSON.stringify(found));
  } finally {
    await browser.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}

main().catch((error) => { console.error(error); process.exitCode = 1; });
