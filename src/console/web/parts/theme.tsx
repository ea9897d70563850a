// The theme of the page: light, dark, or the system's.

import { signal } from "@preact/signals";
import { text } from "../text.ts";

const key = "herd-theme";
const themes = ["system", "light", "dark"] as const;
type Theme = (typeof themes)[number];

const stored = localStorage.getItem(key);
const theme = signal<Theme>(themes.find((one) => one === stored) ?? "system");

/** Applies the chosen theme to the page. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = theme.value;
}

/** The choice of a theme. */
export function ThemeChoice() {
  const choose = (value: string): void => {
    theme.value = themes.find((one) => one === value) ?? "system";
    localStorage.setItem(key, theme.value);
    applyTheme();
  };
  return (
    <select
      class="theme"
      aria-label={text.shell.theme}
      value={theme.value}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {themes.map((one) => (
        <option key={one} value={one}>
          {text.shell.themes[one]}
        </option>
      ))}
    </select>
  );
}
