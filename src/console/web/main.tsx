// Starts the page: theme, events of the node, sign-in link, first view.

import { render } from "preact";
import { readAddress } from "./data/address.ts";
import { token } from "./data/session.ts";
import { signInByCode, takeCode } from "./data/sign-in.ts";
import { keepFresh } from "./data/stores.ts";
import { applyTheme } from "./parts/theme.tsx";
import { Shell } from "./views/shell.tsx";
import { linkProblem } from "./views/sign-in.tsx";

async function signInByLink(): Promise<void> {
  const code = takeCode();
  if (code === null) return;
  readAddress();
  try {
    await signInByCode(code);
  } catch (error) {
    // A reader who is signed in already needs no second code.
    if (token.value === null) linkProblem.value = error instanceof Error ? error.message : String(error);
  }
}

applyTheme();
keepFresh();
addEventListener("hashchange", () => void signInByLink());
void signInByLink();
const root = document.getElementById("app");
if (root !== null) render(<Shell />, root);
