import { Component } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useLive } from './live.js';
import { html } from './html.js';
import { link, route } from './route.js';
import { key, may, signOut } from './session.js';
import { SignInAgain } from './signIn.js';
import { Notices } from './ui.js';
import * as overview from './views/overview.js';

/** Every view: its name in the menu, and its module, loaded when somebody first opens it. */
const VIEWS = {
  overview: { name: 'Overview', load: () => Promise.resolve(overview) },
  conversations: { name: 'Conversations', load: () => import('./views/conversations.js') },
  conversation: { load: () => import('./views/conversation.js'), within: 'conversations' },
  failures: { name: 'Failures', load: () => import('./views/failures.js') },
  wiring: { name: 'Channels and wiring', load: () => import('./views/channels.js') },
  webhooks: { name: 'Webhooks received', load: () => import('./views/webhookEvents.js') },
  runs: { name: 'Runs and imports', load: () => import('./views/runs.js') },
  audit: { name: 'Audit', load: () => import('./views/audit.js'), needs: 'admin' },
  keys: { name: 'Keys', load: () => import('./views/keys.js'), needs: 'admin' },
};

export function Shell() {
  const { view, id } = route.value;
  const main = useRef(undefined);
  const skip = (event) => {
    event.preventDefault();
    main.current.focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <div class="shell">
      <${Menu} />
      <main ref=${main} id="main" tabindex="-1">
        <${Guarded} key=${`${view}/${id}`}>
          <${View} view=${view === 'conversations' && id ? 'conversation' : view} id=${id} />
        <//>
      </main>
    </div>
    <${Notices} />
    <${SignInAgain} />
  `;
}

function Menu() {
  const { view } = route.value;
  const live = useLive('/overview?hours=1');
  const { dead = 0, parked = 0 } = live.data?.jobs ?? {};
  const counts = { failures: dead + parked };
  const list = useRef(undefined);
  // On a narrow screen the menu is wider than the screen.
  useEffect(() => list.current.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' }), [view]);
  return html`<header class="menu">
    <a class="brand" href=${link('overview')}>
      <span class="mark" aria-hidden="true"></span><span>Open Channel Gateway</span>
    </a>
    <nav ref=${list} aria-label="Views">
      <ul>
        ${Object.entries(VIEWS)
          .filter(([, { name, needs }]) => name && (needs === undefined || may(needs)))
          .map(
            ([own, { name }]) =>
              html`<li>
                <a href=${link(own)} aria-current=${view === own ? 'page' : undefined}
                  >${name}${counts[own] > 0 && html`<span class="count">${counts[own] > 999 ? '999+' : counts[own]}</span>`}</a
                >
              </li>`,
          )}
      </ul>
    </nav>
    <div class="who">
      <span class="soft" title=${`Scopes: ${key.value?.scopes.join(', ')}`}>${key.value?.name}</span>
      <button type="button" class="quiet" onClick=${signOut}>Sign out</button>
    </div>
  </header>`;
}

function View({ view, id }) {
  const [module, setModule] = useState(view === 'overview' ? overview : undefined);
  const [problem, setProblem] = useState(undefined);
  const known = VIEWS[view];
  useEffect(() => {
    known?.load().then(setModule, setProblem);
  }, []);
  if (!known) return html`<h1>There is no such page</h1><p><a href=${link('overview')}>To the overview</a></p>`;
  if (problem) return html`<${Failed} problem=${problem} />`;
  return module ? html`<${module.View} id=${id} />` : html`<p class="loading" role="status">Loading…</p>`;
}

/** A bug in one view takes nothing else down. */
class Guarded extends Component {
  /** @override */
  state = { problem: undefined };
  /** @override */
  static getDerivedStateFromError(problem) {
    return { problem };
  }
  /** @override */
  render() {
    const { problem } = this.state;
    return problem ? html`<${Failed} problem=${problem} />` : this.props.children;
  }
}

const Failed = ({ problem }) =>
  html`<h1>This page failed</h1>
    <p class="problem" role="alert">${problem.message}</p>
    <p>
      The console may have been upgraded meanwhile.
      <button type="button" onClick=${() => location.reload()}>Load it anew</button>
    </p>`;
