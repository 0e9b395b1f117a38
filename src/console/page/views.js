// The views: each fills the main part of the page, and its refresh() does so again after a change.
import {api, badge, count, el, link, when} from './dom.js';
import {action, canWrite, isBeingTyped, versionForm} from './edit.js';
import {Filter, VirtualTable, plainTable} from './table.js';
import {Matrix} from './matrix.js';

const MOST_PROBLEMS = 20;

function problemList(problems, most = MOST_PROBLEMS) {
	if (problems.length === 0)
		return el('p', {class: 'well'}, '✓ There are no problems.');
	return [
		el('ul', {class: 'problems'}, problems.slice(0, most).map(problem => el('li', {},
			el('b', {}, problem.object), el('p', {}, problem.reason),
			problem.next ? el('code', {}, '→ ' + problem.next) : null))),
		problems.length > most
			? el('p', {class: 'muted'}, `and ${problems.length - most} more: `, link('all problems', 'problems')) : null,
	];
}

function card(target, what, number, ...details) {
	return el('a', {class: 'card', href: '#/' + target},
		el('span', {class: 'what'}, what), el('b', {}, number.toLocaleString('en')), el('span', {}, details));
}

const some = (n, words, look) => n > 0 ? [el('em', {class: look}, n.toLocaleString('en') + ' ' + words), ' '] : [];

function cards(status) {
	const e = status.environments, nodes = status.nodes;
	const bad = nodes.filter(node => node.state !== 'ok').length;
	const all = e.ready + e.incomplete + e.missing + e.set_aside;

	return [
		card('environments', 'Environments', all, some(e.missing, 'with something missing', 'bad'),
			some(e.set_aside, 'set aside', 'bad'), some(e.incomplete, 'incomplete', 'warn'),
			e.ready === all ? 'all ready' : `${e.ready} ready`),
		card('services', 'Services', status.services, count(status.versions, 'version')),
		card('instances', 'Instances', status.instances.all,
			some(status.instances.all - status.instances.live, 'get no requests', 'warn'),
			`${status.instances.live} live`),
		card('fleet', 'Proxies', nodes.length, nodes.length === 0 ? 'no kvwatch is connected'
			: bad > 0 ? some(bad, 'not in order', 'bad') : 'all in order'),
	];
}

export function overview(main) {
	const matrix = new Matrix();
	const summary = el('section', {'aria-label': 'Summary', class: 'cards'});
	const problems = el('section', {'aria-label': 'Problems'});

	main.append(summary, problems, el('section', {'aria-label': 'Environments'}, el('h2', {}, 'Environments'), matrix.node));
	return {
		title: 'Overview',
		filter: matrix.filter,
		async refresh(event) {
			if (event.changed)
				await matrix.refresh(event);
			const status = await api('status');

			summary.replaceChildren(...cards(status));
			problems.replaceChildren(el('h2', {}, 'Problems'), el('div', {}, problemList(status.problems, 3)));
			if (!event.changed)
				await matrix.refresh(event);
		},
	};
}

export function environments(main) {
	const matrix = new Matrix();

	main.append(el('div', {class: 'top'}, el('h1', {}, 'Environments')), matrix.node);
	return {title: 'Environments', filter: matrix.filter, refresh: event => matrix.refresh(event)};
}

export function problems(main) {
	const list = el('section', {'aria-label': 'Problems'});

	main.append(el('div', {class: 'top'}, el('h1', {}, 'Problems')), list);
	return {
		title: 'Problems',
		async refresh() {
			list.replaceChildren(el('div', {}, problemList((await api('status')).problems, 1000)));
		},
	};
}

// --- one environment

function facts(rows) {
	return el('dl', {}, rows.filter(([, value]) => value !== undefined && value !== '' && value?.length !== 0)
		.map(([title, value]) => [el('dt', {}, title), el('dd', {}, value)]));
}

const separated = nodes => nodes.map((node, i) => i > 0 ? [', ', node] : node);

function versions(row) {
	if (!row.versions)
		return el('span', {class: 'mono'}, row.version);
	return [
		row.versions.map(version => {
			const bar = el('i');

			bar.style.width = version.percent + '%';
			return el('div', {class: 'share'}, el('span', {class: 'mono'}, version.version),
				el('span', {class: 'bar'}, bar), `${version.percent} % ×${version.live}`);
		}),
		(row.conditions || []).map(condition =>
			el('div', {class: 'muted'}, `${condition.condition} → ${condition.version}`)),
	];
}

function origin(row) {
	if (row.from === 'override')
		return el('span', {class: 'chip own held'}, 'override' + (row.holder ? ` by ${row.holder}` : ''));
	return row.from === 'own' ? el('span', {class: 'chip own'}, 'its own') : link(row.from, 'environment', row.from);
}

const ofEnvironment = name => [
	{title: 'Service', cell: row => link(row.name, 'instances', row.name)},
	{title: 'Version', cell: row => [row.versions || !canWrite() ? versions(row) : null, versionForm(name, row)]},
	{title: 'From', cell: origin},
	{title: 'State', class: 'tight', cell: row => badge(row.state)},
	{
		title: 'Instances',
		cell: row => [`${row.live} live `, row.instances.slice(0, 8).map(address => el('span', {class: 'muted mono address'}, address)),
			row.instances.length > 8 ? ' …' : '',
			row.answered_by ? el('div', {class: 'muted'}, 'answered by ' + row.answered_by) : null],
	},
	{title: 'Routes', cell: row => el('span', {class: 'mono'}, row.routes.join(', '))},
];

const ofHistory = [
	{title: 'When', class: 'tight', cell: row => when(row.at)},
	{title: 'Who', key: 'who'},
	{title: 'With', cell: row => el('code', {}, row.with || '')},
	{title: 'What changed', cell: row => (row.changes || []).map(words => el('div', {}, words))},
];

const host = name => name.startsWith('*.') ? el('span', {}, name)
	: el('a', {href: `${location.protocol}//${name}/`, target: '_blank', rel: 'noopener noreferrer'}, name + ' ↗');

export function environment(main, name) {
	return {
		title: name,
		async refresh(event) {
			if (event?.changed && ![...event.changed, ...event.gone].includes(name))
				return;
			const path = 'environments/' + encodeURIComponent(name);
			const env = await api(path);
			const states = await api(path + '/history').then(doc => doc.states, () => []);

			// What somebody types is left to him.
			if (isBeingTyped(document.activeElement))
				return;
			const bad = env.problems.length > 0 && [el('h2', {}, 'Problems'), problemList(env.problems, 100)];

			main.replaceChildren(...[
				el('div', {class: 'top'}, el('h1', {}, env.name), badge(env.state),
					el('span', {class: 'muted'}, env.description || ''), el('span', {class: 'grow'}),
					env.expires && action('Keep', `Keep ${name} for another day`, 'env keep', [name], {for: '1d'}),
					action('Undo', `Undo the last change of ${name}`, 'env undo', [name]),
					action('Delete', `Delete ${name}`, 'env delete', [name])),
				el('section', {class: 'card', 'aria-label': 'Facts'}, facts([
					['Open', separated(env.hosts.map(host))],
					['Extends', separated(env.extends.map(parent => link(parent, 'environment', parent)))],
					['First label', el('code', {}, env.prefix)],
					['Header', el('code', {}, 'x-mayfly: ' + env.header)],
					['Visitors', env.split],
					['Ends', env.expires_at ? when(env.expires_at) : env.expires],
					['Owner', env.owner], ['From', env.source],
				])),
				el('section', {'aria-label': 'Problems'}, bad),
				el('h2', {}, 'Services'),
				plainTable('Services of ' + env.name, ofEnvironment(env.name), env.services),
				states.length > 0 && el('h2', {}, 'History'),
				states.length > 0 && plainTable('History of ' + env.name, ofHistory, states)].filter(Boolean));
		},
	};
}

// --- lists of rows

function list(main, title, path, key, rowsOf, columns, hint) {
	const table = new VirtualTable(title, key);
	let rows = [];
	const filter = new Filter('Filter: ' + title, hint, draw);

	function draw() {
		const shown = rows.filter(row => filter.fits(row.text));

		table.show(columns(), shown);
		filter.say(shown.length, rows.length);
	}
	main.append(el('div', {class: 'top'}, el('h1', {}, title)), filter.bar, table.frame);
	return {
		title, filter,
		async refresh() {
			rows = rowsOf(await api(path));
			rows.forEach(row => {
				row.text = Object.values(row).flat().join(' ').toLowerCase();
			});
			draw();
		},
	};
}

export const services = main => list(main, 'Services', 'services', row => row.name, doc => doc.services, () => [
	{title: 'Service', width: '220px', cell: row => link(row.name, 'instances', row.name)},
	{title: 'Versions', width: '320px', cell: row => el('span', {class: 'mono'}, row.versions.join(' '))},
	{title: 'Live', width: '80px', class: 'num', key: 'live'},
	{title: 'Environments', width: '120px', class: 'num', key: 'environments'},
	{title: 'Protocol', width: '110px', key: 'protocol'},
	{title: 'Balance', width: '130px', key: 'balance'},
	{title: 'Check', width: '200px', cell: row => el('span', {class: 'mono'}, row.check || '')},
], 'Filter: tasks 1.5   ( / )');

const drainOrUp = row => row.operator_state
	? action('Up', `Let ${row.instance} have requests again`, 'instance up', [row.service, row.version, row.instance])
	: action('Drain', `No new requests for ${row.instance}`, 'instance drain', [row.service, row.version, row.instance]);

export const instances = (main, service) => list(main, service ? `Instances of ${service}` : 'Instances',
	service ? 'instances/' + encodeURIComponent(service) : 'instances',
	row => [row.service, row.version, row.instance].join('/'), doc => doc.instances, () => [
		{title: 'Instance', width: '220px', key: 'instance'},
		{title: 'Service', width: '180px', cell: row => link(row.service, 'instances', row.service)},
		{title: 'Version', width: '130px', cell: row => el('span', {class: 'mono'}, row.version)},
		{title: 'Address', width: '200px', cell: row => el('span', {class: 'mono'}, row.address)},
		{title: 'State', width: '120px', cell: row => badge(row.state)},
		{title: 'By an operator', width: '140px', cell: row => row.operator_state ? badge(row.operator_state) : ''},
		{title: 'Weight', width: '90px', class: 'num', key: 'weight'},
		...(canWrite() ? [{title: 'Change', width: '110px', cell: drainOrUp}] : []),
	], 'Filter: tasks 1.5 drain   ( / )');

// --- the fleet

const ofFleet = newest => [
	{title: 'Node', cell: row => el('b', {}, row.name)},
	{title: 'State', class: 'tight', cell: row => badge(row.state)},
	{
		title: 'Revision', class: 'num tight',
		cell: row => row.revision === undefined ? '' : [row.revision,
			row.revision < newest ? el('div', {class: 'muted'}, 'others have ' + newest) : null],
	},
	{title: 'Since', class: 'tight', cell: row => when(row.time)},
	{title: 'HAProxy', cell: row => row.haproxy_version || ''},
	{title: 'kvwatch', cell: row => row.version || ''},
	{title: 'Processes', class: 'num', key: 'workers'},
	{title: 'Reloads', class: 'num', key: 'reloads'},
	{
		title: 'What is wrong',
		cell: row => [row.error, row.held_back,
			...['held', 'quarantined', 'set_aside'].flatMap(key => (row[key] || []).map(entry => `${entry.object}: ${entry.reason}`))]
			.filter(Boolean).map(words => el('div', {}, words)),
	},
];

export function fleet(main) {
	const rest = el('section', {'aria-label': 'Proxies'});

	main.append(el('div', {class: 'top'}, el('h1', {}, 'Fleet')), rest);
	return {
		title: 'Fleet',
		async refresh() {
			const {nodes} = await api('nodes');
			const newest = Math.max(0, ...nodes.map(node => node.revision || 0));

			rest.replaceChildren(nodes.length === 0
				? el('p', {class: 'note'}, 'There is no proxy: no kvwatch is connected to etcd.')
				: plainTable('Proxies', ofFleet(newest), nodes));
		},
	};
}

// --- explain

function verdict(answer) {
	return [
		el('div', {class: 'verdict'}, badge(answer.is_answered ? 'ready' : 'missing'),
			answer.is_answered ? `${answer.service} ${answer.answering_version || answer.version} answers`
				: answer.reason || 'nobody answers'),
		facts([
			['Door', answer.door], ['Host', answer.host],
			['Environment', answer.environment ? link(answer.environment, 'environment', answer.environment) : ''],
			['Found by', answer.by ? `${answer.by}: ${answer.key}` : ''],
			['Visitors of', answer.split_of ? `${answer.split_of} (${answer.split})` : ''],
			['Path', el('code', {}, answer.path || '')],
			['Route', answer.route ? el('code', {}, answer.route) : ''],
			['Service', answer.service], ['Version', answer.version], ['From', answer.from],
			['Condition', answer.condition],
			['Answered by', answer.answering_environment ? `${answer.answering_version} of ${answer.answering_environment}` : ''],
			['Redirect', answer.redirect], ['Passed on', answer.passed_on ? el('code', {}, 'x-mayfly: ' + answer.passed_on) : ''],
		]),
		answer.instances?.length > 0 ? [el('h2', {}, 'Instances'), plainTable('Instances that are asked', [
			{title: 'Instance', key: 'instance'},
			{title: 'Address', cell: row => el('span', {class: 'mono'}, row.address)},
			{title: 'State', cell: row => badge(row.state)},
			{title: 'Weight', class: 'num', key: 'weight'},
		], answer.instances)] : null,
	];
}

export function explain(main) {
	const method = el('select', {id: 'method'}, ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
		.map(word => el('option', {}, word)));
	const url = el('input', {id: 'url', required: true, placeholder: 'http://www-pr-42.example.com/tasks', spellcheck: 'false'});
	const headers = el('textarea', {id: 'headers', rows: '3', placeholder: 'x-mayfly: pr-42', spellcheck: 'false'});
	const local = el('input', {type: 'checkbox'});
	const result = el('section', {'aria-live': 'polite', 'aria-label': 'Answer'});
	let asked;

	async function ask() {
		const query = new URLSearchParams({url: url.value, method: method.value, local: String(local.checked)});

		headers.value.split('\n').filter(line => line.trim()).forEach(line => query.append('header', line.trim()));
		asked = 'explain?' + query;
		await show();
	}
	async function show() {
		if (!asked)
			return;
		const answer = await api(asked).catch(error => ({reason: error.message}));

		result.replaceChildren(el('h2', {}, 'Where it goes'),
			el('div', {class: 'card'}, verdict(answer)));
	}
	main.append(el('div', {class: 'top'}, el('h1', {}, 'Where does a request go, and why?')),
		el('form', {class: 'card explain', onsubmit: event => {
			event.preventDefault();
			ask();
		}},
		el('div', {}, el('label', {for: 'method'}, 'Method'), method),
		el('div', {}, el('label', {for: 'url'}, 'URL'), url),
		el('button', {class: 'main'}, 'Explain'),
		el('div', {class: 'wide'}, el('label', {for: 'headers'}, 'Headers, one a line'), headers),
		el('div', {class: 'wide'}, el('label', {class: 'check'}, local, 'from a process of this host, by the local address'))),
		result);
	return {title: 'Explain', refresh: show};
}
