// Services × environments: which version each has, and what is its own.
import {api, badge, el, link} from './dom.js';
import {Filter, VirtualTable, checkbox} from './table.js';

// "1.4=90%,1.5=10%" as parts; a single version has no share.
const shares = version => version.split(',').map(part => part.split('='));

function chip(service, cell) {
	const signs = [], words = [`${service} ${cell.version}`];
	let look = '';

	if (cell.differs) {
		look = 'own';
		words.push('its own');
	} else {
		words.push('as the parent has it');
	}
	if (cell.is_override) {
		look = 'own held';
		signs.push('^');
		words.push('an override');
	}
	if (cell.is_incomplete) {
		look = 'warn';
		signs.push('~');
		words.push('others answer for it');
	}
	if (cell.is_missing) {
		look = 'bad';
		signs.push('!');
		words.push('no instance answers');
	} else {
		words.push(`${cell.live} live`);
	}
	return el('span', {class: 'chip ' + look, title: words.join(', ')},
		el('span', {}, shares(cell.version).map(([version, percent], i) =>
			[i > 0 ? ' · ' : '', version, percent ? el('small', {}, ' ' + percent) : ''])),
		cell.is_missing ? null : el('small', {}, '×' + cell.live),
		signs.length > 0 ? el('span', {'aria-hidden': 'true'}, signs.join('')) : null);
}

const text = row => [row.name, row.state, ...row.extends,
	...Object.entries(row.versions).map(([service, cell]) => `${service} ${cell.version} ${service}:${cell.version}`)]
	.join(' ').toLowerCase();

const differs = row => Object.values(row.versions).some(cell => cell.differs || cell.is_override);

export function legend() {
	return el('p', {class: 'legend'},
		el('span', {}, el('span', {class: 'chip own'}, '2'), 'its own'),
		el('span', {}, el('span', {class: 'chip'}, '1'), 'the parent’s'),
		el('span', {}, el('span', {class: 'chip own held'}, '2 ^'), 'somebody’s override'),
		el('span', {}, el('span', {class: 'chip warn'}, '2 ~'), 'others answer for it'),
		el('span', {}, el('span', {class: 'chip bad'}, '2 !'), 'no instance answers'),
		el('span', {}, '×3 instances that answer'));
}

export class Matrix {
	constructor() {
		this.rows = new Map();
		this.table = new VirtualTable('Environments and the versions of their services', row => row.name);
		this.filter = new Filter('Filter environments', 'Filter: pr-42 tasks:1.5   ( / )', () => this.show());
		this.own = checkbox('with versions of their own', () => this.show());
		this.bad = checkbox('with something missing', () => this.show());
		this.filter.add(this.own.node, this.bad.node);
		this.node = el('div', {}, this.filter.bar, this.table.frame, legend());
	}

	put(row) {
		row.text = text(row);
		this.rows.set(row.name, row);
	}

	// All, or what an event says has changed.
	async refresh(event) {
		if (this.rows.size > 0 && event?.changed) {
			const names = event.changed.map(name => 'environment=' + encodeURIComponent(name));
			const some = names.length === 0 ? {environments: []} : await api('matrix?' + names.join('&'));

			event.gone.forEach(name => this.rows.delete(name));
			some.environments.forEach(row => this.put(row));
			this.draw(new Set([...event.changed, ...event.gone]));
			return;
		}
		const all = await api('matrix');

		this.rows.clear();
		all.environments.forEach(row => this.put(row));
		this.draw();
	}

	columns() {
		const services = new Map(); // with the longest version of each

		for (const row of this.rows.values())
			for (const [service, cell] of Object.entries(row.versions))
				services.set(service, Math.max(services.get(service) || 0, cell.version.length));
		return [
			{
				title: 'Environment', width: innerWidth < 760 ? '150px' : '210px',
				cell: row => [link(row.name, 'environment', row.name),
					row.extends.length > 0 ? el('span', {class: 'from'}, ' ← ' + row.extends.join(', ')) : null],
			},
			{title: 'State', width: '128px', cell: row => badge(row.state)},
			...[...services].sort().map(([service, longest]) => ({
				title: service,
				width: Math.max(112, 34 + 8 * service.length, Math.min(280, 76 + 8 * longest)) + 'px',
				cell: row => row.versions[service] ? chip(service, row.versions[service]) : '',
			})),
		];
	}

	// Behind a change of rows; without changed, of all.
	draw(changed) {
		this.all = [...this.rows.values()].sort((a, b) => a.name < b.name ? -1 : 1);
		this.its = this.columns();
		if (changed === undefined)
			this.table.forgetAll();
		this.show(changed);
	}

	// Those that fit the filter; what was made of a row stays.
	show(changed = new Set()) {
		const all = this.all || [];
		const shown = all.filter(row => this.filter.fits(row.text) &&
			(!this.own.box.checked || differs(row)) && (!this.bad.box.checked || row.state !== 'ready'));

		this.table.show(this.its || [], shown, changed);
		this.filter.say(shown.length, all.length);
	}
}
