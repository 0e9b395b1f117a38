// Who has logged in, and what he changes: each change is shown as a plan before it is done.
import {ApiError, api, el} from './dom.js';

let session = {can_write: false, is_free: false};
const button = el('button', {type: 'button', id: 'login'});
let onChange = () => {};

export const canWrite = () => session.can_write;

async function post(path, body) {
	const response = await fetch('/api/v1/' + path, {
		method: 'POST', body: JSON.stringify(body),
		headers: {'Content-Type': 'application/json', ...(session.csrf ? {'x-csrf-token': session.csrf} : {})},
	});
	const answer = await response.json().catch(() => ({error: response.statusText}));

	if (response.status === 401)
		setSession({...session, can_write: false});
	if (!response.ok)
		throw new ApiError(response.status, answer.error);
	return answer;
}

function setSession(is) {
	session = is;
	button.textContent = session.can_write ? session.user || 'may write' : 'Log in';
	button.title = session.can_write ? 'Log out' : 'Log in as a user of etcd, to change things';
	onChange();
}

// --- dialogs

// make(close) gives what is in it; the focus comes back to who opened it.
function openDialog(label, make) {
	let before = document.activeElement;
	const dialog = el('dialog', {'aria-label': label});

	// What was typed is done: it is no longer his.
	const close = isDone => {
		if (isDone === true)
			before = document.getElementById('main');
		dialog.close();
	};

	dialog.append(...make(close).filter(Boolean));
	dialog.addEventListener('close', () => {
		dialog.remove();
		before?.focus?.();
	});
	document.body.append(dialog);
	dialog.showModal();
}

function openLogin() {
	const user = el('input', {id: 'user', autocomplete: 'username', required: true});
	const password = el('input', {id: 'password', type: 'password', autocomplete: 'current-password', required: true});
	const why = el('p', {role: 'alert', class: 'why'});

	openDialog('Log in', close => [
		el('h2', {}, 'Log in'),
		el('p', {class: 'muted'}, 'As a user of etcd: what you change is changed with your rights.'),
		el('form', {onsubmit: async event => {
			event.preventDefault();
			try {
				setSession(await post('login', {user: user.value, password: password.value}));
				close();
			} catch (error) {
				why.textContent = error.message;
				password.select();
			}
		}},
		el('label', {for: 'user'}, 'User'), user,
		el('label', {for: 'password'}, 'Password'), password, why,
		el('div', {class: 'buttons'}, el('button', {type: 'button', onclick: close}, 'Cancel'),
			el('button', {class: 'main'}, 'Log in'))),
	]);
}

button.addEventListener('click', async () => {
	try {
		if (session.can_write)
			setSession(await post('logout', {}));
		else if (session.is_free)
			setSession(await post('login', {}));
		else
			openLogin();
	} catch (error) {
		alert(error.message);
	}
});

const words = row => `${row.kind} ${row.name} ${row.is_changed ? 'would be ' : ''}${row.change}`;

// What would be done is asked for, shown, and done if one says so.
async function plan(title, change) {
	let rows, failed;

	try {
		rows = (await post('run', {...change, dry_run: true})).changes;
	} catch (error) {
		failed = error.message;
	}
	const why = el('p', {role: 'alert', class: 'why'}, failed || '');
	const command = `mayfly ${change.command} ${change.operands.join(' ')}${change.for ? ' --for ' + change.for : ''}`;

	openDialog(title, close => [
		el('h2', {}, title),
		el('p', {}, el('code', {}, command)),
		rows ? el('ul', {}, rows.map(row => el('li', {}, words(row)))) : null,
		why,
		el('div', {class: 'buttons'}, el('button', {type: 'button', onclick: close}, 'Cancel'),
			rows?.some(row => row.is_changed) ? el('button', {class: 'main', type: 'button', onclick: async () => {
				try {
					await post('run', change);
					close(true);
				} catch (error) {
					why.textContent = error.message;
				}
			}}, 'Do it') : null),
	]);
}

export const action = (name, title, command, operands, more) => canWrite() && el('button', {
	type: 'button', onclick: () => plan(title, {command, operands, ...more}),
}, name);

export const isBeingTyped = field => field.closest('.change') !== null && field.value !== field.defaultValue;

// --- the version of a service, or the shares of two

export function versionForm(environment, row) {
	if (!canWrite())
		return null;
	if (row.versions?.length === 2) {
		const [first, second] = row.versions;
		const label = `Share of ${second.version}, of service ${row.name}`;
		const value = el('span', {class: 'muted'}, second.percent + ' %');
		const slider = el('input', {
			type: 'range', min: '0', max: '100', value: second.percent, 'aria-label': label,
			oninput: () => {
				value.textContent = slider.value + ' %';
			},
			onchange: () => plan(label, {command: 'route set', operands: [environment, row.name,
				`${first.version}=${100 - slider.value}`, `${second.version}=${slider.value}`]}),
		});

		return el('div', {class: 'change'}, slider, value);
	}
	const input = el('input', {value: row.version, 'aria-label': `Version of ${row.name}`, spellcheck: 'false'});

	return el('form', {class: 'change', onsubmit: event => {
		event.preventDefault();
		plan(`Version of ${row.name}: ${row.version} → ${input.value}`,
			{command: 'env set', operands: [environment, `${row.name}=${input.value}`]});
	}}, input, el('button', {}, 'Plan'));
}

export async function startSession(whenChanged) {
	document.getElementById('state').after(button);
	setSession(await api('session').catch(() => session));
	onChange = whenChanged;
	onChange();
}
