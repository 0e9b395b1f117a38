// Which view is shown, what is heard of changes, and the head of the page.
import {el} from './dom.js';
import {startSession} from './edit.js';
import * as views from './views.js';

const routes = {
	'': views.overview, environments: views.environments, environment: views.environment, services: views.services,
	instances: views.instances, fleet: views.fleet, explain: views.explain, problems: views.problems,
};
const tabs = [['', 'Overview'], ['environments', 'Environments'], ['services', 'Services'],
	['instances', 'Instances'], ['fleet', 'Fleet'], ['explain', 'Explain']];

const main = document.getElementById('main');
const nav = document.getElementById('nav');
const state = document.getElementById('state');
let view, shown = 0;
let isHeard = false; // until there was an event, nothing is asked for

// --- one refresh at a time, and one more for all that came meanwhile

let running = false, waiting;

// Two changes as one; without names, all may have changed.
function both(a, b) {
	if (!a?.changed || !b?.changed)
		return {};
	const gone = new Set([...a.gone, ...b.gone].filter(name => !b.changed.includes(name)));

	return {changed: [...new Set([...a.changed, ...b.changed])].filter(name => !gone.has(name)), gone: [...gone]};
}

function say(error) {
	document.getElementById('error')?.remove();
	if (error)
		main.prepend(el('p', {id: 'error', class: 'note', role: 'alert'}, error));
}

async function refresh(event) {
	if (running) {
		waiting = waiting ? both(waiting, event) : event;
		return;
	}
	running = true;
	const mine = shown, its = view;

	try {
		await its.refresh(event);
		if (mine === shown)
			say();
	} catch (error) {
		if (mine === shown)
			say(error.message);
	}
	main.dataset.ready = 'true';
	running = false;
	if (waiting || mine !== shown) {
		const next = mine === shown ? waiting : {};

		waiting = undefined;
		refresh(next);
	}
}

// --- views

function show() {
	const [name, ...rest] = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
	const make = routes[name] || views.overview;

	shown++;
	delete main.dataset.ready;
	main.replaceChildren();
	view = make(main, ...rest);
	document.title = `${view.title} · Mayfly`;
	nav.replaceChildren(...tabs.map(([target, title]) => el('a', {
		href: '#/' + target,
		'aria-current': (target === name || target === name + 's') && (target !== '' || name === '') ? 'page' : null,
	}, title)));
	if (isHeard)
		refresh({});
}
addEventListener('hashchange', () => {
	show();
	main.focus({preventScroll: true});
	scrollTo(0, 0);
});
addEventListener('keydown', event => {
	if (event.key === '/' && view.filter && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
		event.preventDefault();
		view.filter.input.focus();
	}
});

// --- events

function setState(look, words, title) {
	state.className = look;
	state.title = title || '';
	if (state.lastChild.textContent !== words)
		state.lastChild.textContent = words;
}

function listen() {
	const events = new EventSource('/api/v1/events');
	let isFirst = true;

	events.addEventListener('revision', message => {
		const event = JSON.parse(message.data);

		if (!event.is_read)
			setState('lost', 'etcd is not read yet', event.reason);
		else if (event.is_lost)
			setState('lost', 'etcd is out of reach', event.reason);
		else
			setState('live', 'live', 'revision ' + event.revision);
		isHeard = true;
		if (!event.is_read)
			say(`etcd is not read yet${event.reason ? ': ' + event.reason : ''}`);
		else if (isFirst || !event.is_lost)
			refresh(isFirst ? {} : event);
		isFirst = !event.is_read;
	});
	events.onerror = () => {
		isFirst = true; // what was missed meanwhile is read again
		setState('lost', 'reconnecting');
	};
}

// --- colours

const theme = document.getElementById('theme');
const themes = [['', 'as the system has them', '◐'], ['light', 'light', '☀'], ['dark', 'dark', '☾']];

function setTheme(name) {
	const [, words, sign] = themes.find(([one]) => one === name) || themes[0];

	document.documentElement.dataset.theme = name;
	theme.textContent = sign;
	theme.setAttribute('aria-label', 'Colours: ' + words);
	theme.title = 'Colours: ' + words;
}
theme.addEventListener('click', () => {
	const at = themes.findIndex(([name]) => name === (localStorage.theme || ''));

	localStorage.theme = themes[(at + 1) % themes.length][0];
	setTheme(localStorage.theme);
});
setTheme(localStorage.theme || '');

show();
listen();
startSession(() => isHeard && refresh({}));
