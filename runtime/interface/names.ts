// Names of a source as WIT identifiers: kebab-case, unique within their scope.

/**
 * `name` as a WIT identifier (Component Model, "WIT", section "Identifiers"): words of lower-case ASCII letters and
 * digits, each starting with a letter, joined by `-`. `HTTPServer2` → `http-server2`, `_x` → `x`, `Point.scale` →
 * `point-scale`.
 */
function kebabCase(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  let kebab = "";
  for (const word of words) kebab += kebab === "" || /^[0-9]/.test(word) ? word : `-${word}`;
  if (kebab === "") return "x";
  return /^[0-9]/.test(kebab) ? `x${kebab}` : kebab;
}

/** Gives each name of one scope its own WIT identifier: a later twin gets a number (`a-b`, `ab-n2`, …). */
export class WitScope {
  readonly #taken = new Set<string>();
  /** The last number given for a base, by comparison key: thousands of names may share one. */
  readonly #numbers = new Map<string, number>();

  /** The identifier for `name`; a second call with the same name returns another identifier. */
  claim(name: string): string {
    const base = kebabCase(name);
    let identifier = base;
    let n = this.#numbers.get(key(base)) ?? 1;
    while (this.#taken.has(key(identifier))) identifier = `${base}-n${++n}`;
    this.#numbers.set(key(base), n);
    this.#taken.add(key(identifier));
    return identifier;
  }
}

/** The comparison key: tools treat names that differ only in hyphens as equal. */
function key(identifier: string): string {
  return identifier.replaceAll("-", "");
}
