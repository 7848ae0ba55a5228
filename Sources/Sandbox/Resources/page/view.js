// Turns messages into elements. Texts never become markup: every node is built by hand.

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'class') node.className = value;
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const icons = {
  check: 'm3 13 4 4 8-9M12 16l1 1 8-9',
  note: 'M9 18V6l10-2v12M9 18a2.500 2.500 0 1 1-5 0 2.500 2.500 0 0 1 5 0zM19 16a2.500 2.500 0 1 1-5 0 2.500 2.500 0 0 1 5 0z',
  file: 'M7 3h7l5 5v13H7zM14 3v5h5',
  voice: 'M12 4a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V7a3 3 0 0 1 3-3zM6 12a6 6 0 0 0 12 0M12 18v3',
  cross: 'm6 6 12 12M18 6 6 18',
  out: 'M8 16 17 7M9 7h8v8',
  copy: 'M9 9h10v10H9zM5 15V5h10',
  app: 'M5 5h14v14H5z',
  star: 'm12 3 2.800 5.700 6.200.900-4.500 4.400 1.100 6.200L12 17.300l-5.600 2.900 1.100-6.200L3 9.600l6.200-.900z',
};

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', icons[name]);
  svg.append(path);
  if (name === 'star') svg.setAttribute('class', 'star');
  return svg;
}

const clock = new Intl.DateTimeFormat('ru', { hour: '2-digit', minute: '2-digit' });
const dayName = new Intl.DateTimeFormat('ru', { day: 'numeric', month: 'long' });
export const timeOf = (seconds) => clock.format(new Date(seconds * 1000));
export const dayOf = (seconds) => dayName.format(new Date(seconds * 1000));
const size = (bytes) => bytes < 1024 ? `${bytes} Б` : bytes < 1048576 ? `${Math.round(bytes / 1024)} КБ` : `${(bytes / 1048576).toFixed(1).replace('.', ',')} МБ`;
const duration = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, '0')}`;

// Entities may nest; each becomes an element around its part.
export function formatted(text, entities, handlers, start = 0, end = text.length) {
  const nodes = [];
  let place = start;
  const inside = entities.filter((e) => e.offset >= start && e.offset + e.length <= end);
  while (inside.length) {
    const entity = inside.shift();
    if (entity.offset < place) continue;
    if (entity.offset > place) nodes.push(...plain(text.slice(place, entity.offset), handlers));
    const stop = entity.offset + entity.length;
    const children = inside.filter((e) => e.offset + e.length <= stop);
    nodes.push(wrap(entity, text.slice(entity.offset, stop), formatted(text, children, handlers, entity.offset, stop), handlers));
    // A block ends its line itself; the line break behind it would show as an empty line.
    place = stop < end && /blockquote|pre/.test(entity.type) && text[stop] === '\n' ? stop + 1 : stop;
  }
  if (place < end) nodes.push(...plain(text.slice(place, end), handlers));
  return nodes;
}

function wrap(entity, source, children, handlers) {
  switch (entity.type) {
    case 'bold': return el('b', {}, ...children);
    case 'italic': return el('i', {}, ...children);
    case 'underline': return el('u', {}, ...children);
    case 'strikethrough': return el('s', {}, ...children);
    case 'code': return el('code', { title: 'Скопировать', tabindex: 0, onclick: () => handlers.copy(source) }, ...children);
    case 'pre': return el('pre', {}, ...children);
    case 'blockquote': return el('blockquote', {}, ...children);
    case 'expandable_blockquote': {
      if (source.length < 160 && source.split('\n').length < 4) return el('blockquote', {}, ...children);
      const node = el('blockquote', { class: 'fold', tabindex: 0, role: 'button', 'aria-expanded': 'false' }, ...children);
      const toggle = () => node.setAttribute('aria-expanded', String(node.classList.toggle('open')));
      node.addEventListener('click', toggle);
      node.addEventListener('keydown', (event) => { if (event.key === 'Enter') toggle(); });
      return node;
    }
    case 'spoiler': {
      const node = el('span', { class: 'spoiler', tabindex: 0, role: 'button', 'aria-label': 'Скрытый текст, показать' }, ...children);
      const open = () => { node.classList.add('open'); node.removeAttribute('aria-label'); };
      node.addEventListener('click', open);
      node.addEventListener('keydown', (event) => { if (event.key === 'Enter') open(); });
      return node;
    }
    case 'text_link': return link(entity.url, children, handlers);
    case 'url': return link(source, children, handlers);
    case 'bot_command': return el('a', { href: '#', onclick: (event) => { event.preventDefault(); handlers.say(source); } }, ...children);
    default: return el('span', {}, ...children);
  }
}

function link(url, children, handlers) {
  const safe = /^(https?|tg):/.test(url) ? url : 'https://' + url;
  return el('a', { href: safe, target: '_blank', rel: 'noopener noreferrer', onclick: (event) => { if (handlers.open(safe)) event.preventDefault(); } }, ...children);
}

// Links and commands that carry no entity of their own.
function plain(text, handlers) {
  const nodes = [];
  let place = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"]+|(?<=^|\s)\/[a-z0-9_]{1,32}\b/gi)) {
    if (match.index > place) nodes.push(text.slice(place, match.index));
    const found = match[0];
    nodes.push(found.startsWith('/')
      ? el('a', { href: '#', onclick: (event) => { event.preventDefault(); handlers.say(found); } }, found)
      : link(found, [found], handlers));
    place = match.index + found.length;
  }
  if (place < text.length) nodes.push(text.slice(place));
  return nodes;
}

function media(message, handlers) {
  const file = message.media;
  const about = file.file_name || file.title || '';
  switch (file.kind) {
    case 'photo': {
      const image = el('img', { src: file.url, alt: message.text ? message.text.slice(0, 120) : 'Фото', loading: 'lazy', width: file.width, height: file.height });
      return el('button', { class: 'photo', type: 'button', 'aria-label': 'Открыть фото', onclick: () => handlers.look(file.url) }, image);
    }
    case 'video': case 'animation':
      return el('video', { src: file.url, controls: true, playsinline: true, preload: 'metadata', loop: file.kind === 'animation', 'aria-label': about || 'Видео' });
    case 'audio': case 'voice': {
      const title = file.kind === 'voice' ? 'Голосовое сообщение' : file.title || about || 'Аудио';
      const detail = [file.performer, file.duration ? duration(file.duration) : null, size(file.bytes)].filter(Boolean).join(' · ');
      return el('div', { class: 'sound' },
        el('header', {}, el('span', { class: 'disc' }, icon(file.kind === 'voice' ? 'voice' : 'note')), el('div', {}, el('b', {}, title), el('small', {}, detail))),
        el('audio', { src: file.url, controls: true, preload: 'metadata', 'aria-label': title }));
    }
    default:
      return el('a', { class: 'doc', href: file.url, download: file.file_name || '' },
        el('span', { class: 'disc' }, icon('file')), el('span', {}, el('b', {}, about || 'Файл'), el('small', {}, size(file.bytes))));
  }
}

function stamp(message) {
  const node = el('span', { class: 'stamp' });
  if (message.edit_date) node.append('изменено ');
  node.append(timeOf(message.date));
  if (!message.is_bot) node.append(icon('check'));
  return node;
}

export function keyboard(message, handlers) {
  const rows = message.keyboard;
  if (!rows || !rows.length) return null;
  return el('div', { class: 'keys', role: 'group', 'aria-label': 'Кнопки сообщения' }, ...rows.map((row, r) => el('div', {}, ...row.map((button, c) => {
    const mark = button.url ? 'out' : button.copy_text ? 'copy' : button.web_app ? 'app' : '';
    return el('button', {
      class: 'key ' + (button.style || ''), type: 'button', disabled: button.disabled === true, 'data-key': `${message.message_id}.${r}.${c}`,
      onclick: (event) => handlers.press(message, button, event.currentTarget),
    }, button.text, mark ? icon(mark) : null);
  }))));
}

function quote(message, handlers) {
  if (!message.reply_to) return null;
  const target = handlers.find(message.reply_to);
  if (!target) return null;
  const words = { photo: 'Фото', video: 'Видео', audio: 'Аудио', voice: 'Голосовое', document: 'Файл', animation: 'Анимация' };
  return el('button', { class: 'quote', type: 'button', onclick: () => handlers.jump(target.message_id) },
    el('b', {}, target.from.first_name), el('span', {}, target.text || words[target.media?.kind] || 'Сообщение'));
}

export function messageView(message, handlers) {
  const paid = message.payment?.successful_payment;
  const returned = message.payment?.refunded_payment;
  if (paid) return el('div', { class: 'note' }, `Вы заплатили ${paid.total_amount} `, icon('star'));
  if (returned) return el('div', { class: 'note' }, `Вам вернули ${returned.total_amount} `, icon('star'));
  const bubble = el('div', { class: 'bubble' });
  const seen = message.media && ['photo', 'video', 'animation'].includes(message.media.kind);
  const text = message.text ? el('div', { class: 'text' }, ...formatted(message.text, message.entities, handlers)) : null;
  if (text) text.style.setProperty('--stamp', message.edit_date ? '122px' : message.is_bot ? '48px' : '66px');
  bubble.append(...[quote(message, handlers)].filter(Boolean));
  if (text && message.caption_above) bubble.append(text);
  if (message.media) bubble.append(media(message, handlers));
  if (message.invoice) bubble.append(el('div', { class: 'bill' }, el('b', {}, message.invoice.title), el('p', {}, message.invoice.description),
    el('strong', {}, `${message.invoice.total_amount} `, icon('star')), message.invoice.paid ? ' · оплачено' : ''));
  if (text && !message.caption_above) bubble.append(text);
  bubble.append(stamp(message));
  const isBare = seen && (!text || message.caption_above);
  const node = el('div', { class: `msg${message.is_bot ? '' : ' own'}${seen ? ' wide' : ''}${isBare ? ' bare' : ''}`, id: `m${message.message_id}` },
    bubble, keyboard(message, handlers));
  // As wide as the picture is when it is 470 high, or 38 % of the window, so that it fits with its buttons uncut.
  if (seen && message.media.width && message.media.height) {
    const height = innerWidth > 820 ? Math.min(470, Math.max(280, innerHeight * 0.38)) : 470;
    node.style.width = `${Math.round(Math.min(520, Math.max(270, height * message.media.width / message.media.height)))}px`;
  }
  return node;
}

export function albumView(messages, handlers) {
  const first = messages[0];
  const isVisual = messages.every((m) => m.media && ['photo', 'video'].includes(m.media.kind));
  const captioned = messages.find((m) => m.text);
  const bubble = el('div', { class: 'bubble' }, quote(first, handlers));
  bubble.append(el('div', { class: isVisual ? 'album' : '' }, ...messages.filter((m) => m.media).map((m) => media(m, handlers))));
  if (captioned) bubble.append(el('div', { class: 'text' }, ...formatted(captioned.text, captioned.entities, handlers)));
  bubble.append(stamp(messages[messages.length - 1]));
  return el('div', { class: `msg${first.is_bot ? '' : ' own'}${!captioned && isVisual ? ' bare' : ''}`, id: `m${first.message_id}` }, bubble);
}
