// Tables.  Of many rows only those are elements that can be seen; rows have one height.
import {el} from './dom.js';

const HEIGHT = 40; // as the style has it
const SPARE = 10; // rows above and below what is seen

function headings(columns) {
	return el('thead', {}, el('tr', {}, columns.map(column =>
		el('th', {scope: 'col', class: column.class, title: column.title}, column.title))));
}

function cells(columns, row) {
	return columns.map(column => {
		const content = column.cell ? column.cell(row) : row[column.key] ?? '';

		return el('td', {class: column.class}, content);
	});
}

// columns: {title, key or cell(row), class, width}; all rows as elements.
export function plainTable(label, columns, rows) {
	return el('div', {class: 'frame free'}, el('table', {'aria-label': label},
		headings(columns), el('tbody', {}, rows.map(row => el('tr', {}, cells(columns, row))))));
}

// The same for any number of rows, which show() replaces; key(row) says which is which.
export class VirtualTable {
	constructor(label, key) {
		this.key = key;
		this.rows = [];
		this.columns = [];
		this.made = new Map();
		this.above = el('td');
		this.below = el('td');
		this.body = el('tbody');
		this.table = el('table', {class: 'fixed', 'aria-label': label});
		this.frame = el('div', {class: 'frame', tabindex: '-1'}, this.table);
		this.frame.addEventListener('scroll', () => this.draw(), {passive: true});
		this.frame.addEventListener('keydown', event => this.move(event));
		new ResizeObserver(() => this.draw()).observe(this.frame);
	}

	// changed: keys of rows that are not as they were, to be marked; undefined: all are new.
	show(columns, rows, changed) {
		const titles = columns.map(column => column.title).join('\n');

		if (titles !== this.titles) {
			this.titles = titles;
			this.table.replaceChildren(
				el('colgroup', {}, columns.map(column => {
					const col = el('col');

					col.style.width = column.width || '130px';
					return col;
				})), headings(columns), this.body);
			this.table.style.minWidth = columns.reduce((sum, column) =>
				sum + parseInt(column.width || '130px', 10), 0) + 'px';
		}
		this.columns = columns;
		this.rows = rows;
		this.table.setAttribute('aria-rowcount', rows.length + 1);
		if (changed === undefined)
			this.forgetAll();
		else
			changed.forEach(key => this.made.delete(key));
		this.changed = changed;
		this.draw();
		this.changed = undefined;
	}

	make(row, index) {
		const key = this.key(row);
		let tr = this.made.get(key);

		if (!tr) {
			tr = el('tr', {'data-key': key, class: this.changed && this.changed.has(key) ? 'changed' : null},
				cells(this.columns, row));
			this.made.set(key, tr);
		}
		tr.setAttribute('aria-rowindex', index + 2);
		return tr;
	}

	draw() {
		const first = Math.max(0, Math.floor(this.frame.scrollTop / HEIGHT) - SPARE);
		const seen = Math.ceil((this.frame.clientHeight || 800) / HEIGHT) + 2 * SPARE;
		const last = Math.min(this.rows.length, first + seen);
		const wanted = this.rows.slice(first, last).map((row, i) => this.make(row, first + i));

		this.above.style.height = first * HEIGHT + 'px';
		this.below.style.height = (this.rows.length - last) * HEIGHT + 'px';
		if (first > 0)
			wanted.unshift(el('tr', {class: 'space', 'aria-hidden': 'true'}, this.above));
		if (last < this.rows.length)
			wanted.push(el('tr', {class: 'space', 'aria-hidden': 'true'}, this.below));
		this.put(wanted);
		if (this.made.size > 4 * seen)
			this.forget(wanted);
	}

	// What stays is not touched, so that it keeps the focus; one that is made anew gets it back.
	put(wanted) {
		const kept = new Set(wanted), focused = document.activeElement;
		const key = this.body.contains(focused) ? focused.closest('tr').dataset.key : undefined;
		let at;

		[...this.body.children].forEach(tr => kept.has(tr) || tr.remove());
		at = this.body.firstChild;
		for (const tr of wanted) {
			if (tr === at)
				at = at.nextSibling;
			else
				this.body.insertBefore(tr, at);
		}
		if (key !== undefined && document.activeElement !== focused && !this.focus(key))
			this.frame.focus({preventScroll: true});
	}

	forgetAll() {
		this.made.clear();
	}

	forget(wanted) {
		const kept = new Set(wanted);

		this.made.forEach((tr, key) => kept.has(tr) || this.made.delete(key));
	}

	// Whether there is such a row.
	focus(key) {
		const target = [...this.body.children].find(tr => tr.dataset.key === key)?.querySelector('a, button');

		target?.focus({preventScroll: true});
		return target !== undefined;
	}

	// The arrows go from row to row, through all of them.
	move(event) {
		const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
		const tr = event.target.closest('tr');

		if (tr)
			this.at = Number(tr.getAttribute('aria-rowindex')) - 2;
		const index = step ? (this.at ?? -1) + step : -1;

		if (index < 0 || index >= this.rows.length)
			return;
		event.preventDefault();
		const top = index * HEIGHT, bottom = top + 2 * HEIGHT;

		if (top < this.frame.scrollTop)
			this.frame.scrollTop = top;
		else if (bottom > this.frame.scrollTop + this.frame.clientHeight)
			this.frame.scrollTop = bottom - this.frame.clientHeight;
		this.at = index;
		this.draw();
		this.focus(this.key(this.rows[index]));
	}
}

// A field that filters as one types: every word must stand somewhere in the row.
export class Filter {
	constructor(label, hint, onChange) {
		this.words = [];
		this.input = el('input', {
			type: 'search', 'aria-label': label, placeholder: hint, autocomplete: 'off', spellcheck: 'false',
			oninput: () => {
				this.words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
				onChange();
			},
		});
		this.count = el('span', {class: 'count', role: 'status'});
		this.bar = el('div', {class: 'filter', role: 'search'}, this.input, this.count);
	}

	add(...nodes) {
		this.count.before(...nodes);
	}

	fits(text) {
		return this.words.every(word => text.includes(word));
	}

	say(shown, all) {
		this.count.textContent = shown === all ? String(all) : `${shown} of ${all}`;
	}
}

export function checkbox(label, onChange) {
	const box = el('input', {type: 'checkbox', onchange: onChange});

	return {box, node: el('label', {}, box, label)};
}
