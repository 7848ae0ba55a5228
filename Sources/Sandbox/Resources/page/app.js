// The chat page: keeps the messages of one person, asks for changes, sends what the person does.
import { el, icon, messageView, albumView, dayOf } from './view.js';

const $ = (id) => document.getElementById(id);
const people = [
  { id: 7012345678, name: 'Алёна', about: 'Premium, русский', letter: 'А' },
  { id: 7023456789, name: 'Борис', about: 'впервые здесь', letter: 'Б' },
];
const faults = [
  ['kie.task.refuse', 'Отказ модерации'], ['kie.task.temporary', 'Сбой модели'], ['kie.task.slow', 'Медленно'],
  ['kie.callback.lost', 'Потеря ответа'], ['kie.callback.double', 'Ответ дважды'], ['kie.create.lost_answer', 'Создание молчит'],
  ['kie.create.429', 'Лимит модели'], ['telegram.429', 'Лимит Telegram'], ['webhook.double', 'Повтор события'],
  ['yookassa.notice.double', 'Платёж дважды'], ['yookassa.notice.lost', 'Платёж без вести'], ['yookassa.create.unknown', 'Касса молчит'],
];

// ?user=<id>&name=<text> adds somebody who has never been here, for checks that need a fresh chat.
const guest = new URLSearchParams(location.search);
if (/^[1-9]\d{0,14}$/.test(guest.get('user') || '')) {
  const name = (guest.get('name') || 'Гость').slice(0, 32);
  people.unshift({ id: Number(guest.get('user')), name, about: 'впервые здесь', letter: name[0].toUpperCase() });
}

let me = people.find((p) => String(p.id) === (guest.get('user') || localStorage.getItem('person'))) || people[0];
let messages = new Map();
let revision = 0;
let epoch = null;
let commands = [];
let bot = { username: '' };
let isBlocked = false;
let shown = new Map();
let attached = [];
let round = null;
let actionTimer = 0;
let typing = null;
let hasSpoken = false;

async function post(path, body) {
  const isForm = body instanceof FormData;
  const response = await fetch(path, { method: 'POST', body: isForm ? body : JSON.stringify(body), headers: isForm ? {} : { 'Content-Type': 'application/json' } });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `Ошибка ${response.status}`);
  return answer;
}

function toast(text) {
  if (!text) return;
  $('toast').textContent = text;
  $('toast').classList.add('on');
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => $('toast').classList.remove('on'), Math.max(2600, text.length * 60));
}

// ---- Changes

async function follow() {
  const mine = new AbortController();
  round = mine;
  while (!mine.signal.aborted) {
    try {
      const query = new URLSearchParams({ user: me.id, after: revision });
      if (epoch !== null) query.set('epoch', epoch);
      const response = await fetch(`/sandbox/chats/${me.id}/changes?${query}`, { signal: mine.signal });
      if (!response.ok) throw new Error(String(response.status));
      const change = await response.json();
      if (mine.signal.aborted) return;
      const isFirst = epoch === null || change.epoch !== epoch;
      if (isFirst) { messages.clear(); }
      apply(change, isFirst);
    } catch (error) {
      if (mine.signal.aborted) return;
      status('нет связи с песочницей', false);
      await new Promise((done) => setTimeout(done, 1500));
    }
  }
}

function apply(change, isFirst) {
  epoch = change.epoch;
  revision = change.revision;
  bot = change.bot;
  commands = change.commands || [];
  isBlocked = change.blocked;
  $('bot-name').textContent = bot.first_name;
  for (const message of change.messages) messages.set(message.message_id, message);
  if (!isFirst) for (const item of change.toasts) {
    release();
    if (item.url) openLink(item.url);
    if (item.alert && item.text) { $('alert-text').textContent = item.text; if (!$('alert').open) $('alert').showModal(); } else toast(item.text);
  }
  draw(isFirst);
  action(change.action, change.action_left);
  $('start').hidden = messages.size > 0 && !isBlocked;
  $('start').textContent = isBlocked ? 'Разблокировать бота' : 'Запустить';
  $('form').hidden = isBlocked;
  $('block').textContent = isBlocked ? 'Разблокировать бота' : 'Заблокировать бота';
  drawReplyKeys(change.reply_keyboard);
  if (!change.webhook) status('бот ещё не подключился', false);
}

const actions = {
  typing: 'печатает…', upload_photo: 'отправляет фото…', record_video: 'записывает видео…', upload_video: 'отправляет видео…',
  record_voice: 'записывает голос…', upload_voice: 'отправляет голос…', upload_document: 'отправляет файл…',
};

function action(name, left) {
  clearTimeout(actionTimer);
  if (!name) { status(isBlocked ? 'заблокирован' : 'бот', false); setTyping(false); return; }
  status(actions[name] || 'занят…', true);
  setTyping(true);
  actionTimer = setTimeout(() => action(null), left);
}

function status(text, isActive) {
  $('status').textContent = text;
  $('status').className = isActive ? 'active' : '';
}

function setTyping(isOn) {
  if (isOn && !typing) typing = el('div', { class: 'typing', 'aria-hidden': 'true' }, el('i'), el('i'), el('i'));
  if (!isOn) { typing?.remove(); typing = null; return; }
  const sticks = isAtEnd();
  $('list').append(typing);
  if (sticks) toEnd();
}

// ---- Drawing

const isAtEnd = () => $('feed').scrollHeight - $('feed').scrollTop - $('feed').clientHeight < 140;
function toEnd() { $('feed').scrollTop = $('feed').scrollHeight; }

function blocks() {
  const result = [];
  let day = '';
  const ordered = [...messages.values()].filter((m) => !m.deleted).sort((a, b) => a.message_id - b.message_id);
  for (let i = 0; i < ordered.length; i += 1) {
    const message = ordered[i];
    const today = dayOf(message.date);
    if (today !== day) { day = today; result.push({ key: 'd' + today, sign: today, make: () => el('div', { class: 'day' }, today) }); }
    if (message.media_group_id) {
      const group = [message];
      while (ordered[i + 1]?.media_group_id === message.media_group_id) { i += 1; group.push(ordered[i]); }
      result.push({ key: 'g' + message.media_group_id, sign: group.map((m) => m.revision).join(), make: () => albumView(group, handlers) });
      continue;
    }
    result.push({ key: 'm' + message.message_id, sign: String(message.revision), make: () => messageView(message, handlers) });
  }
  if (!ordered.length) result.push({ key: 'empty', sign: 'empty', make: emptyView });
  return result;
}

function emptyView() {
  return el('div', { class: 'empty' }, el('img', { src: 'icon.svg', alt: '' }), el('h2', {}, 'Что умеет этот бот?'),
    el('p', {}, 'Рисует картинки, оживляет фото, снимает видео, пишет музыку и озвучивает тексты. Нажмите «Запустить», чтобы начать.'));
}

function draw(isFirst) {
  const list = $('list');
  const sticks = isFirst || hasSpoken || isAtEnd();
  hasSpoken = false;
  const focused = document.activeElement?.dataset?.key;
  const next = new Map();
  let before = list.firstChild;
  for (const block of blocks()) {
    const known = shown.get(block.key);
    let node = known?.node;
    if (!known || known.sign !== block.sign) {
      node = block.make();
      if (!known && !isFirst) node.classList.add('fresh');
      if (known) { if (known.node === before) before = node; known.node.replaceWith(node); }
    }
    if (node !== before) list.insertBefore(node, before);
    else before = node.nextSibling;
    next.set(block.key, { node, sign: block.sign });
  }
  for (const [key, { node }] of shown) if (!next.has(key)) node.remove();
  shown = next;
  if (typing) list.append(typing);
  if (focused) list.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
  if (sticks) {
    toEnd();
    for (const image of list.querySelectorAll('img')) if (!image.complete) image.addEventListener('load', toEnd, { once: true });
  }
  $('down').hidden = isAtEnd();
}

// ---- What a person does

const handlers = {
  find: (id) => { const m = messages.get(id); return m && !m.deleted ? m : null; },
  jump: (id) => document.getElementById('m' + id)?.scrollIntoView({ block: 'center', behavior: 'smooth' }),
  look: (url) => { $('viewer-image').src = url; $('viewer').showModal(); },
  say: (text) => say(text),
  open: (url) => openLink(url),
  copy: async (text) => {
    try { await navigator.clipboard.writeText(text); toast('Скопировано'); } catch { toast('Не удалось скопировать'); }
  },
  press: async (message, button, node) => {
    if (button.callback_data) {
      node.classList.add('busy');
      setTimeout(() => node.classList.remove('busy'), 4000);
      attempt(post('/sandbox/updates', { user: me.id, callback: { message_id: message.message_id, data: button.callback_data } }));
    } else if (button.pay) stars({ message_id: message.message_id }, message.invoice);
    else if (button.copy_text) handlers.copy(button.copy_text.text);
    else if (button.url || button.web_app) { const url = button.url || button.web_app.url; if (!openLink(url)) window.open(url, '_blank', 'noopener'); }
    else if (button.switch_inline_query_current_chat !== undefined) { $('input').value = `@${bot.username} ${button.switch_inline_query_current_chat}`; $('input').focus(); }
    else toast('Эта кнопка работает только в самом Telegram');
  },
};

function release() { for (const node of document.querySelectorAll('.key.busy')) node.classList.remove('busy'); }

async function attempt(promise) {
  try { return await promise; } catch (error) { release(); toast(error.message); return null; }
}

function say(text) {
  if (!text.trim()) return;
  hasSpoken = true;
  attempt(post('/sandbox/updates', { user: me.id, text }));
}

// Links that stay inside: the pay page, invoices in Stars, deep links of the bot.
function openLink(address) {
  let url;
  try { url = new URL(address, location.href); } catch { return false; }
  if (url.pathname.startsWith('/yookassa/pay/')) { payPage(url.pathname); return true; }
  if (url.hostname === 't.me' || url.protocol === 'tg:') {
    if (url.pathname.startsWith('/$')) { stars({ link: address }, null); return true; }
    const start = url.searchParams.get('start');
    if (url.pathname.slice(1).toLowerCase() === (bot.username || '').toLowerCase() || url.searchParams.get('domain')) { closeSheet(); say(start ? `/start ${start}` : '/start'); return true; }
    if (url.pathname.startsWith('/share')) { handlers.copy(url.searchParams.get('url') || address); return true; }
  }
  return false;
}

function payPage(path) {
  const sheet = $('sheet');
  sheet.classList.remove('small');
  $('sheet-body').replaceChildren(el('iframe', { src: path, title: 'Страница оплаты' }));
  sheet.showModal();
}

async function stars(what, known) {
  const invoice = known || (await attempt(post('/sandbox/updates', { user: me.id, pay: { ...what, look: true } })))?.invoice;
  if (!invoice) return;
  const trouble = el('p', { class: 'trouble', role: 'alert' });
  const button = el('button', { class: 'primary', type: 'button' }, `Заплатить ${invoice.total_amount} `, icon('star'));
  button.addEventListener('click', async () => {
    button.disabled = true;
    button.textContent = 'Ждём согласия бота…';
    const answer = await attempt(post('/sandbox/updates', { user: me.id, pay: what }));
    if (answer?.ok) { closeSheet(); toast('Оплачено'); return; }
    trouble.textContent = answer?.error || 'Платёж не прошёл';
    button.disabled = false;
    button.replaceChildren(`Заплатить ${invoice.total_amount} `, icon('star'));
  });
  $('sheet').classList.add('small');
  $('sheet-body').replaceChildren(el('div', { class: 'stars' }, el('div', { class: 'big' }, icon('star')), el('h2', {}, invoice.title), el('p', {}, invoice.description), trouble, button,
    el('p', {}, el('small', {}, 'Звёзды понарошку: их у вас сколько угодно.'))));
  $('sheet').showModal();
  button.focus();
}

function closeSheet() { if ($('sheet').open) $('sheet').close(); }
addEventListener('message', (event) => {
  if (event.origin !== location.origin || event.data?.kind !== 'paid') return;
  closeSheet();
  openLink(event.data.url);
});
for (const dialog of document.querySelectorAll('dialog')) {
  dialog.addEventListener('click', (event) => { if (event.target === dialog || event.target.closest('.close') || dialog.id === 'viewer' || (dialog.id === 'alert' && event.target.closest('button'))) dialog.close(); });
}
$('sheet').addEventListener('close', () => $('sheet-body').replaceChildren());

// ---- Composer

const input = $('input');
function grow() {
  input.style.height = 'auto';
  input.style.height = Math.min(180, input.scrollHeight) + 'px';
  const text = input.value;
  showCommands(/^\/\w*$/.test(text) ? text.slice(1) : null);
}
input.addEventListener('input', grow);
input.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); $('form').requestSubmit(); }
  if (event.key === 'Escape') showCommands(null);
});
$('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (attached.length) {
    const form = new FormData();
    form.append('user', me.id);
    form.append('caption', text);
    const asFile = $('as-file')?.checked;
    attached.forEach((file, index) => form.append(kindOf(file, asFile) + index, file, file.name));
    clearTray();
    input.value = '';
    grow();
    hasSpoken = true;
    await attempt(post('/sandbox/updates', form));
  } else if (text) {
    input.value = '';
    grow();
    say(text);
  }
});

function kindOf(file, asFile) {
  if (asFile) return 'document';
  if (/^image\/(png|jpeg|webp)$/.test(file.type)) return 'photo';
  if (file.type === 'video/mp4') return 'video';
  if (/^audio\/(mpeg|mp4)$/.test(file.type)) return 'audio';
  if (file.type === 'audio/ogg') return 'voice';
  return 'document';
}

function attach(files) {
  attached = [...attached, ...files].slice(0, 10);
  drawTray();
  input.focus();
}
function clearTray() { attached = []; drawTray(); }
function drawTray() {
  const tray = $('tray');
  tray.hidden = !attached.length;
  tray.replaceChildren(...attached.map((file, index) => {
    const view = file.type.startsWith('image/') ? el('img', { src: URL.createObjectURL(file), alt: file.name }) : el('div', { class: 'file' }, file.name);
    return el('figure', {}, view, el('button', { type: 'button', 'aria-label': `Убрать ${file.name}`, onclick: () => { attached.splice(index, 1); drawTray(); } }, icon('cross')));
  }), el('label', {}, el('input', { type: 'checkbox', id: 'as-file' }), 'без сжатия'));
  input.placeholder = attached.length ? 'Подпись' : 'Сообщение';
}
$('file').addEventListener('change', () => { attach($('file').files); $('file').value = ''; });
$('attach').addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); $('file').click(); } });
input.addEventListener('paste', (event) => { if (event.clipboardData.files.length) { event.preventDefault(); attach(event.clipboardData.files); } });
for (const name of ['dragover', 'dragleave', 'drop']) document.addEventListener(name, (event) => {
  event.preventDefault();
  $('app').classList.toggle('drop', name === 'dragover');
  if (name === 'drop') attach(event.dataTransfer.files);
});

function showCommands(filter) {
  const fitting = filter === null ? [] : commands.filter((c) => c.command.startsWith(filter));
  $('commands').hidden = !fitting.length;
  $('menu-button').setAttribute('aria-expanded', String(fitting.length > 0));
  $('commands').replaceChildren(...fitting.map((command) => el('button', {
    type: 'button', role: 'option', onclick: () => { showCommands(null); input.value = ''; grow(); say('/' + command.command); input.focus(); },
  }, el('b', {}, '/' + command.command), el('span', {}, command.description))));
}
$('menu-button').addEventListener('click', () => {
  if ($('commands').hidden) { if (commands.length) { showCommands(''); $('commands').firstChild?.focus(); } else say('/start'); } else showCommands(null);
});
$('start').addEventListener('click', async () => {
  if (isBlocked) await attempt(post('/sandbox/updates', { user: me.id, block: false })); else say('/start');
});

function drawReplyKeys(markup) {
  const rows = markup?.keyboard || [];
  $('reply-keys').hidden = !rows.length || isBlocked;
  $('reply-keys').replaceChildren(...rows.map((row) => el('div', {}, ...row.map((button) => {
    const text = button.text || button;
    return el('button', { class: 'key', type: 'button', onclick: () => say(text) }, text);
  }))));
}

// ---- Sandbox panel

function drawPeople() {
  $('people').replaceChildren(...people.map((person, index) => el('button', {
    class: 'person', type: 'button', role: 'radio', 'aria-checked': String(person === me), onclick: () => choose(person),
  }, el('span', { class: 'face' + (index ? ' two' : ''), 'aria-hidden': 'true' }, person.letter), el('span', {}, el('b', {}, person.name), el('small', {}, person.about)))));
}

function choose(person) {
  me = person;
  localStorage.setItem('person', person.id);
  round?.abort();
  messages.clear();
  revision = 0;
  epoch = null;
  setTyping(false);
  clearTray();
  drawPeople();
  $('transcript').href = `/sandbox/chats/${me.id}`;
  closeSide();
  follow();
}

let waiting = new Map();
function drawChaos() {
  $('chaos').replaceChildren(...faults.map(([kind, name]) => {
    const count = waiting.get(kind) || 0;
    return el('button', { type: 'button', 'aria-pressed': String(count > 0), title: kind, onclick: async () => {
      await attempt(post('/sandbox/faults', { kind }));
      look();
    } }, count > 1 ? `${name} ×${count}` : name);
  }));
}

async function look() {
  try {
    const [book, log] = await Promise.all([fetch('/sandbox/faults').then((r) => r.json()), fetch('/sandbox/calls?limit=40').then((r) => r.json())]);
    const next = new Map();
    for (const fault of book.waiting) next.set(fault.kind, (next.get(fault.kind) || 0) + fault.remaining);
    const changed = JSON.stringify([...next]) !== JSON.stringify([...waiting]);
    waiting = next;
    if (changed || !$('chaos').children.length) drawChaos();
    const names = { telegram: 'Telegram', kie: 'KIE', 'kie-upload': 'KIE', yookassa: 'ЮKassa' };
    $('events').replaceChildren(...log.calls.reverse().map((call) => {
      const isGood = call.status >= 200 && call.status < 400;
      return el('li', { class: isGood ? '' : 'bad', title: call.note }, el('span', { class: 'dot', 'aria-label': isGood ? 'успех' : 'ошибка', role: 'img' }),
        el('b', {}, `${call.direction === 'in' ? '→' : '←'} ${names[call.provider] || call.provider} ${call.operation}`), el('i', {}, `${call.status || '—'} · ${call.milliseconds} мс`));
    }));
  } catch { /* The next look will do. */ }
}

const narrow = matchMedia('(max-width: 820px)');
function openSide() { $('side').classList.add('open'); $('side-close').focus(); look(); }
function closeSide() { if (!$('side').classList.contains('open')) return; $('side').classList.remove('open'); $('side-open').focus(); }
$('side-open').addEventListener('click', openSide);
$('side-close').addEventListener('click', closeSide);
$('feed').addEventListener('click', closeSide);
$('feed').addEventListener('scroll', () => { $('down').hidden = isAtEnd(); });
$('down').addEventListener('click', () => $('feed').scrollTo({ top: $('feed').scrollHeight, behavior: 'smooth' }));

function toggleMenu(isOpen) { $('menu').hidden = !isOpen; $('more').setAttribute('aria-expanded', String(isOpen)); if (isOpen) $('block').focus(); }
$('more').addEventListener('click', (event) => { event.stopPropagation(); toggleMenu($('menu').hidden); });
document.addEventListener('click', () => toggleMenu(false));
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') { if (!$('menu').hidden) { toggleMenu(false); $('more').focus(); } closeSide(); } });
$('block').addEventListener('click', () => attempt(post('/sandbox/updates', { user: me.id, block: !isBlocked })));
$('reset').addEventListener('click', () => { if (confirm('Забыть все сообщения, задачи и платежи песочницы?')) attempt(post('/sandbox/reset', {})); });

drawPeople();
drawChaos();
// Signs that arrive before their font would stay empty boxes in some browsers.
await Promise.race([document.fonts.load('16px "Sandbox Emoji"', '🎨').catch(() => {}), new Promise((done) => setTimeout(done, 1200))]);
choose(me);
setInterval(() => { if (!document.hidden && (!narrow.matches || $('side').classList.contains('open'))) look(); }, 2500);
look();
const start = new URLSearchParams(location.hash.slice(1)).get('start');
if (start !== null) { history.replaceState(null, '', location.pathname); say(start ? `/start ${start}` : '/start'); }
