// Elements, made without HTML: what etcd says is text, and never more.

export function el(tag, props, ...children) {
	const node = document.createElement(tag);

	for (const [key, value] of Object.entries(props || {})) {
		if (value === undefined || value === null || value === false)
			continue;
		if (key.startsWith('on'))
			node.addEventListener(key.slice(2), value);
		else
			node.setAttribute(key, value === true ? '' : value);
	}
	node.append(...children.flat(Infinity).filter(child => child !== undefined && child !== null && child !== false));
	return node;
}

export const link = (name, ...path) =>
	el('a', {href: '#/' + path.map(encodeURIComponent).join('/')}, name);

// --- the API

export class ApiError extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

export async function api(path) {
	const response = await fetch('/api/v1/' + path);
	const body = await response.json().catch(() => ({error: response.statusText}));

	if (!response.ok)
		throw new ApiError(response.status, body.error);
	return body;
}

// --- words

const states = {
	ready: ['good', '✓'], incomplete: ['warn', '~'], missing: ['bad', '!'], 'set aside': ['bad', '×'],
	up: ['good', '✓'], ok: ['good', '✓'], drain: ['warn', '↓'], maint: ['warn', '■'], 'held back': ['warn', '~'],
};

export function badge(state) {
	const [look, sign] = states[state] || ['bad', '!'];

	return el('span', {class: 'badge ' + look}, el('span', {'aria-hidden': 'true'}, sign), state);
}

const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];

// "in 3 hours", "2 days ago"
export function relative(time) {
	const seconds = (Date.parse(time) - Date.now()) / 1000;
	const [unit, size] = units.find(([, n]) => Math.abs(seconds) >= n) || units[3];

	return new Intl.RelativeTimeFormat('en').format(Math.round(seconds / size), unit);
}

export function when(time) {
	return time ? el('time', {datetime: time, title: time}, relative(time)) : '';
}

export const count = (n, one, many = one + 's') => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
