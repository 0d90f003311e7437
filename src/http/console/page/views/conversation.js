import { useState } from 'preact/hooks';
import { patch, post } from '../api.js';
import { diagnose } from '../diagnosis.js';
import { html } from '../html.js';
import { useLive } from '../live.js';
import { link } from '../route.js';
import { Title } from '../title.js';
import { Action, Facts, Form, Loaded, Reason, State, tell, Time } from '../ui.js';
import { Timeline } from './timeline.js';

/** One conversation: what is wanted, what is there, why they differ, and everything that happened. */
export function View({ id }) {
  // Somebody waits for what they have just asked for.
  const everyMs = (known) => (known?.name.state === 'pending' ? 1_000 : 3_000);
  const live = useLive(`/conversations/${id}`, { everyMs });
  const { data } = live;
  return html`
    <p class="crumbs"><a href=${link('conversations')}>Conversations</a></p>
    <${Title}
      text=${data ? (data.name.wanted ?? data.externalId) : 'Conversation'}
      beside=${data && html`<${Resync} conversation=${data} reload=${live.reload} />`}
    />
    <${Loaded} live=${live}>
      ${(conversation) => html`<${Conversation} conversation=${conversation} reload=${live.reload} />`}
    <//>
  `;
}

function Resync({ conversation, reload }) {
  const run = async () => {
    await post(`/conversations/${conversation.id}/resync`);
    tell('Compared with the portal now; what differs is repaired.');
    await reload();
  };
  return html`<${Action} run=${run}>Resync<//>`;
}

function Conversation({ conversation, reload }) {
  const { id, channelId } = conversation;
  const channel = useLive(`/channels/${channelId}`, { everyMs: 10_000 });
  const portalId = channel.data?.portalId;
  const portal = useLive(portalId && `/portals/${portalId}`, { everyMs: 10_000 });
  const job = useStuckJob(conversation);
  const facts = { conversation, channel: channel.data, portal: portal.data, job };
  const resume = async () => {
    await patch(`/portals/${portalId}`, { paused: false });
    await Promise.all([portal.reload(), reload()]);
  };
  return html`
    <${Diagnosis} of=${diagnose(facts)} conversation=${conversation} job=${job} resume=${resume} reload=${reload} />
    <div class="columns">
      <${NameCard} conversation=${conversation} reload=${reload} />
      <${DialogCard} conversation=${conversation} channel=${channel.data} portal=${portal.data} />
      <${CompanionCard} companion=${conversation.companion} />
    </div>
    <${Timeline} id=${id} />
  `;
}

/** What became of the work on the name, while it is not applied. */
function useStuckJob({ id, name }) {
  const searched = name.state === 'pending' || name.state === 'failed';
  const path = `/jobs?conversationId=${id}&kind=convergeName&limit=5`;
  const jobs = useLive(searched ? path : undefined, { everyMs: 3_000 });
  const latest = jobs.data?.items.find(({ state }) => state !== 'done');
  const inFull = useLive(latest?.state === 'waiting' ? `/jobs/${latest.id}` : undefined, { everyMs: 3_000 });
  return inFull.data ?? latest;
}

function Diagnosis({ of: { tone, text, why, todo, code, act }, conversation, job, resume, reload }) {
  return html`<section class=${`diagnosis ${tone}`} aria-label="Why">
    <div>
      <strong>${text}</strong>
      ${
        (why || todo) &&
        html`<p>${why} ${todo && html`<span class="todo">${todo}</span>`} ${code && html`<code>${code}</code>`}</p>`
      }
    </div>
    <div class="row">
      ${act === 'resync' && html`<${TryAgain} conversation=${conversation} job=${job} reload=${reload} />`}
      ${act === 'resume' && html`<${Action} look="main" run=${resume}>Resume the portal<//>`}
      ${act === 'wiring' && html`<a class="button main" href=${link('wiring')}>To the wiring</a>`}
      ${
        act === 'failures' &&
        html`<a class="button main" href=${link('failures', undefined, { conversationId: conversation.id })}>
        To its failures
      </a>`
      }
    </div>
  </section>`;
}

/** A dead job is retried itself, so that nothing dead is left behind; anything else is compared anew. */
function TryAgain({ conversation, job, reload }) {
  const run = async () => {
    if (job?.state !== 'dead' || !(await retried(job.id))) await post(`/conversations/${conversation.id}/resync`);
    await reload();
  };
  return html`<${Action} run=${run} look="main">Try again now<//>`;
}

/** False: a newer job is about to do the same. */
const retried = (id) =>
  post(`/jobs/${id}/retry`).then(
    () => true,
    (problem) => {
      if (problem.code === 'conflict') return false;
      throw problem;
    },
  );

function NameCard({ conversation, reload }) {
  const { id, name, dialog } = conversation;
  const [typed, setTyped] = useState(undefined);
  const rename = async () => {
    await patch(`/conversations/${id}`, { name: typed });
    setTyped(undefined);
    tell('The name is wanted now, and on its way to the dialog.');
    await reload();
  };
  const lock = async () => {
    await patch(`/conversations/${id}`, { nameLocked: !name.locked });
    tell(
      name.locked ? 'Names from the messenger count again.' : 'Names from the messenger are kept aside from now on.',
    );
    await reload();
  };
  return html`<section class="card">
    <h2>Name <${State} of=${name.state} /></h2>
    <${Facts}
      facts=${[
        ['Wanted', name.wanted],
        ['Applied', name.applied],
        ['Title in the dialog', dialog.title === name.applied ? undefined : dialog.title],
        ['Decided', name.changedAt && html`<${Time} at=${name.changedAt} />`],
        ['Applied since', name.appliedAt && html`<${Time} at=${name.appliedAt} />`],
      ]}
    />
    <${Form} run=${rename} button="Rename" buttonLook="" look="inline">
      <label class="field wide"
        ><span>Rename to</span>
        <input
          value=${typed ?? ''}
          onInput=${(event) => setTyped(event.currentTarget.value)}
          maxlength="1000"
          required
          autocomplete="off"
        />
      </label>
    <//>
    <p class="row">
      <${Action} run=${lock}>${name.locked ? 'Unlock the name' : 'Lock the name'}<//>
      <small class="soft">
        ${name.locked ? 'Locked: names from the messenger are kept aside.' : 'The messenger may rename it.'}
      </small>
    </p>
  </section>`;
}

const DialogCard = ({ conversation, channel, portal }) => {
  const { dialog, externalId, kind, url, topic, createdAt, closedAt } = conversation;
  return html`<section class="card">
    <h2>
      Dialog <${Session} dialog=${dialog} />
    </h2>
    <${Facts}
      facts=${[
        ['Chat', dialog.chatId],
        ['Portal', portal && html`<a href=${link('wiring', portal.id)}>${portal.domain}</a>`],
        [
          'Channel',
          channel &&
            html`${channel.messenger}, line ${channel.lineId} ${channel.state !== 'ready' && html`<${State} of=${channel.state} />`}`,
        ],
        ['Id in the messenger', externalId],
        ['Kind', kind],
        ['Topic', topic ?? undefined],
        ['Address', isWeb(url) ? html`<a href=${url} target="_blank" rel="noreferrer noopener">${url}</a>` : undefined],
        ['Known', html`<${Time} at=${createdAt} />`],
        ['Closed', closedAt ? html`<${Time} at=${closedAt} />` : undefined],
      ]}
    />
  </section>`;
};

function Session({ dialog: { chatId, sessionOpen } }) {
  if (chatId === null) return html`<span class="pill none">none yet</span>`;
  return sessionOpen
    ? html`<span class="pill good">session open</span>`
    : html`<span class="pill none">no open session</span>`;
}

/** It comes from the messenger: anything but a web address is shown nowhere as a link. */
const isWeb = (url) => /^https?:\/\//i.test(url ?? '');

const CompanionCard = ({ companion }) =>
  html`<section class="card">
    <h2>Companion <${State} of=${companion.state} /></h2>
    ${
      companion.lastError &&
      html`<p class="problem"><span><${Reason} code=${companion.lastError} /> ${companion.lastErrorDetail}</span></p>`
    }
    ${
      companion.state === 'none'
        ? html`<p class="soft">It has none. The channel's policy decides, or the administration API makes one on demand.</p>`
        : html`<${Facts}
          facts=${[
            ['Chat', companion.chatId],
            ['Title', companion.title],
            ['Owner', companion.ownerUserId ?? 'the bot'],
            ['Managers', companion.managerUserIds.join(', ')],
            ['Members', companion.memberUserIds.join(', ')],
            [
              'Could not be added',
              companion.unusableUserIds.length > 0 ? companion.unusableUserIds.join(', ') : undefined,
            ],
          ]}
        />`
    }
  </section>`;
