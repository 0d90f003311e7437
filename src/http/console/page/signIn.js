import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { isOver, key, signIn } from './session.js';
import { Dialog, useSubmission } from './ui.js';

/** The key is typed once; from then on the browser holds a session that scripts cannot read. */
function SignInForm() {
  const [typed, setTyped] = useState('');
  const field = useRef(undefined);
  useEffect(() => field.current.focus(), []);
  const { busy, problem, submit } = useSubmission(
    () => signIn(typed.trim()),
    () => field.current.select(),
  );
  return html`<form class="sign-in" onSubmit=${submit}>
    <label class="field wide"
      ><span>API key</span>
      <input
        ref=${field}
        type="password"
        name="key"
        value=${typed}
        onInput=${(event) => setTyped(event.currentTarget.value)}
        required
        autocomplete="current-password"
        spellcheck=${false}
        placeholder="ocg_…"
        aria-describedby="sign-in-problem"
      />
    </label>
    <button class="main" aria-busy=${busy}>Sign in</button>
    <p id="sign-in-problem" class=${problem ? 'problem' : 'unseen'} role="alert">${problem && inWords(problem)}</p>
  </form>`;
}

const inWords = ({ code, message, retryAfterS }) =>
  code === 'too_many_wrong_keys' ? `Too many wrong keys. Try again in ${retryAfterS ?? 60} seconds.` : message;

export const SignInPage = () =>
  html`<main class="door">
    <div class="card">
      <h1><span class="mark" aria-hidden="true"></span>Open Channel Gateway</h1>
      <p class="soft">
        Sign in with a key of the administration. The first one was printed when the gateway first started.
      </p>
      <${SignInForm} />
    </div>
  </main>`;

/** The session ended while somebody was at work: the page behind stays as it is, with everything that was typed. */
export const SignInAgain = () =>
  isOver.value
    ? html`<${Dialog} title="Please sign in again" mayClose=${false} look="narrow">
        <p class="soft">
          The session is over. Nothing you typed is lost, and what you asked for is done after the sign-in.
        </p>
        <p class="soft">You were signed in with the key <strong>${key.value?.name}</strong>.</p>
        <${SignInForm} />
      <//>`
    : null;

export const Unreachable = ({ problem, again }) =>
  html`<main class="door">
    <div class="card">
      <h1><span class="mark" aria-hidden="true"></span>Open Channel Gateway</h1>
      <p class="problem" role="alert">${problem.message}</p>
      <button type="button" class="main" onClick=${again}>Try again</button>
    </div>
  </main>`;
