// Signing in: by a link with a one-time code, or by a pasted token.

import { signal } from "@preact/signals";
import { useId, useState } from "preact/hooks";
import { listApps } from "../../../api/apps.ts";
import { ProblemError } from "../data/problem.ts";
import { call } from "../data/requests.ts";
import { refused, signInWith, signOut } from "../data/session.ts";
import { Dialog } from "../parts/dialog.tsx";
import { ProblemBox } from "../parts/problem-box.tsx";
import { text } from "../text.ts";

/** Why the sign-in link did not work. */
export const linkProblem = signal<string | undefined>(undefined);

/** The page while nobody is signed in. */
export function SignIn() {
  return (
    <main class="sign-in" id="main">
      <h1>{text.signIn.title}</h1>
      {linkProblem.value !== undefined && (
        <div class="problem" role="alert">
          <strong>{text.signIn.linkFailed}</strong>
          <p>{linkProblem.value}</p>
        </div>
      )}
      <p>{text.signIn.byLink}</p>
      <TokenForm />
      <p class="quiet">
        {text.signIn.howTo} <code>npx herd token create --role admin</code>
      </p>
    </main>
  );
}

/** The sign-in over a page whose token the node refuses: the page behind it loses nothing. */
export function SignInAgain() {
  if (!refused.value) return null;
  return (
    <Dialog title={text.signIn.again} onClose={signOut}>
      <p>{text.signIn.againDetail}</p>
      <TokenForm />
      <p>
        <button type="button" class="link" onClick={signOut}>
          {text.shell.signOut}
        </button>
      </p>
    </Dialog>
  );
}

function TokenForm() {
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<unknown>();
  const id = useId();
  const submit = async (): Promise<void> => {
    const tried = typed.trim();
    if (tried === "") return;
    setProblem(undefined);
    try {
      // The token in use is replaced only by a token that works.
      await call(listApps, { token: tried });
      linkProblem.value = undefined;
      signInWith(tried);
    } catch (error) {
      // A token that may not list the apps is a valid token all the same.
      if (error instanceof ProblemError && error.document.status === 403) signInWith(tried);
      else setProblem(error);
    }
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <label for={id}>{text.signIn.token}</label>
      <div class="row">
        <input
          id={id}
          class="grow"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <button type="submit" class="primary">
          {text.signIn.button}
        </button>
      </div>
      {problem !== undefined && <ProblemBox error={problem} />}
    </form>
  );
}
